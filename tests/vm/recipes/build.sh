# SPDX-License-Identifier: GPL-2.0-only
# build-6.1, build-6.12, build-7.3...: a root tree each with that kernel's headers
# and the compiler it was built with (the headers package depends on it). Kernels with a
# SOURCE are built by ourselves: recipes/kernel.sh.
. "$VM_DIR/recipes/kernel.sh"

# Debian's own; the first without those that may be missing
BUILD_KERNELS_ALL=$(cd "$VM_DIR/kernels" && grep -L '^SOURCE=' -- *)
BUILD_KERNELS=$(cd "$VM_DIR/kernels" && grep -LE '^(SOURCE|OPTIONAL)=' -- *)
BUILD_PACKAGES="linux-headers-amd64 make ccache sparse dash bash coreutils sed grep
	mawk findutils diffutils tar gzip xz-utils bc perl-base libc-bin"

# CHECK= for make. Debian 13's sparse knows no __typeof_unqual__, and takes no __builtin_strlen() of a string
# for a constant, as what 7.3 asserts of each MODULE_...("...") wants it
BUILD_SPARSE="sparse -D__typeof_unqual__=__typeof__ '-D__builtin_strlen(s)=(sizeof(s)-1)'"

# Whatever gcc, sparse or modpost complain of (grep -P). sparse does not understand the guard() in 6.12's
# device_match_driver_override() and device_has_driver_override()
BUILD_COMPLAINT="(warning|error|WARNING|ERROR):(?! context imbalance in '(flavour_override_(match|clear|reserve)|mdev_pci_function_override_clear)')"

build_check() # KERNEL
{
	# shellcheck disable=SC2046 # one line
	[ -f "$VM_DIR/kernels/$1" ] || die "no kernel '$1' (there are:" $(ls "$VM_DIR/kernels")")"
}

# Is it one that we build?
build_own() { grep -q '^SOURCE=' "$VM_DIR/kernels/$1"; }

# Has it our modules itself?
build_in_tree() { grep -q '^IN_TREE=' "$VM_DIR/kernels/$1"; }

# Would a refresh change anything?
build_outdated() # KERNEL
{
	! build_own "$1" || kernel_outdated "$1"
}

build_key() # KERNEL
{
	if build_own "$1"; then
		kernel_key "$1"
		return
	fi
	hash_of "$VM_DIR/kernels/$1" "$BUILD_PACKAGES" \
		"$(declare -f build_unpack debian_tree finish_tree)"
}
build_dir() { artefact_dir "build-$1" "$(build_key "$1")"; }

build_root() # KERNEL
{
	BUILD_KERNEL=$1
	artefact "build-$1" "$(build_key "$1")" build_make
}

# Makes what it can of the kernels in one word, or of all that are never missing; those that there
# are -> $HAVE_KERNELS
build_roots() # [KERNELS]
{
	local k

	HAVE_KERNELS=
	for k in ${1:-$BUILD_KERNELS}; do
		optional "$VM_DIR/kernels/$k" build_root "$k"
		[ $OPTIONAL_RC != 0 ] || HAVE_KERNELS+="${HAVE_KERNELS:+ }$k"
	done
}

build_make()
{
	local SUITE SOURCE CONFIG QUIRKS IN_TREE='' MORE_SUITES='' HEADERS='' GONE=''
	local BUILD_PACKAGES=$BUILD_PACKAGES

	. "$VM_DIR/kernels/$BUILD_KERNEL"
	BUILD_PACKAGES=${BUILD_PACKAGES/linux-headers-amd64/${HEADERS:-linux-headers-amd64}}
	if [ -n "$SOURCE" ]; then
		kernel_make "$1"
		return
	fi
	need_host mmdebstrap
	step "compiler and headers from $SUITE" -- build_unpack "$1" "$SUITE"
}

# Only the files kbuild reads stay: the headers packages also bring the kernel
# image with all its modules.
build_unpack()
{
	local dir=$1/root kernel

	debian_tree "$2" "$dir" $BUILD_PACKAGES
	kernel=$(basename "$(ls -d "$dir"/usr/src/linux-headers-*-amd64)")
	kernel=${kernel#linux-headers-}
	case $kernel in
	"$BUILD_KERNEL".*) ;;
	*) echo "$2 has kernel $kernel, not $BUILD_KERNEL"; return 1 ;;
	esac
	# shellcheck disable=SC2115 # the caller's, never empty
	rm -rf "$dir"/boot/* "$dir/usr/lib/modules/$kernel/kernel"
	mkdir "$dir/src"
	printf '%s\n' "$kernel" >"$1/release"
}

# build_run KERNEL TREE COMMAND...: run it in the kernel's root
build_run()
{
	local root=$(build_dir "$1")/root

	shift
	root_run "$root" "$@"
}

# root_run ROOT TREE COMMAND...: run it in ROOT with TREE at /src. The mounts live in a
# namespace of their own and die with it.
root_run()
{
	local root=$1 tree=$2

	shift 2
	setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child -- sh -ec '
		root=$1 tree=$2
		shift 2
		mount --bind "$tree" "$root/src"
		mount --rbind /dev "$root/dev"
		mount -t proc proc "$root/proc"
		mount -t tmpfs tmpfs "$root/tmp"
		exec chroot "$root" /usr/bin/env -i HOME=/root TERM=dumb LC_ALL=C \
			PATH=/usr/sbin:/usr/bin:/sbin:/bin \
			sh -c "cd /src && exec \"\$@\"" sh "$@"' sh "$root" "$tree" "$@"
}

# work_dir KERNEL: where this checkout's modules for it are built
work_dir() { printf '%s/%s\n' "$(checkout_dir work)" "$1"; }

# Those of checkouts that are gone
work_prune()
{
	local name

	for name in "$CACHE"/work/*/checkout; do
		[ ! -s "$name" ] || [ -d "$(cat "$name")" ] || rm -rf "${name%/*}"
	done
}

# build_sync KERNEL: bring this checkout's sources into the kernel's scratch
# tree and print its path. Build products stay, so builds are incremental, and
# the checkout stays clean.
build_sync()
{
	local work

	work=$(work_dir "$1")
	mkdir -p "$work/src"
	work_prune
	# At once: another build's work_prune may look at it now
	if [ ! -s "${work%/*}/checkout" ]; then
		printf '%s\n' "$REPO_DIR" >"$work/checkout.$$"
		mv "$work/checkout.$$" "${work%/*}/checkout"
	fi
	# By contents, and with the time of the copy: a file that goes back to
	# what it was would else look older than its object. What is filtered out
	# is also safe from --delete, but (p) in a directory that is gone here, which
	# rsync would else tell on standard output that it cannot delete.
	rsync -rlp --checksum --delete --exclude=/.git --exclude=/build --filter='-p *.o' \
		--filter='-p *.ko' --filter='-p *.mod' --filter='-p *.mod.c' --filter='-p .*.cmd' \
		--filter='-p *.a' --filter='-p *.o.d' --filter='-p *.gcno' \
		--filter='-p Module.symvers' --filter='-p modules.order' --filter='-p generated/' \
		"$REPO_DIR/" "$work/src/" >&2 ||
		die "the sources can't be copied to $work/src (rsync's status $?)"
	printf '%s\n' "$work/src"
}

build_kdir() { printf '/usr/src/linux-headers-%s\n' "$(cat "$(build_dir "$1")/release")"; }
