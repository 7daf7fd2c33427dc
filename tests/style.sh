#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: style.sh [--all] [PATTERN]
#
# Checks the sources without running them: checkpatch, builds for all kernels without warnings (W=1,
# sparse, kernel-doc), licenses, layers, documents, and scripts by shellcheck. TAP; the last line is
# "N passed, N failed". PATTERN: only tests whose name has it (grep -E). --all: builds also for
# kernels that may be missing (OPTIONAL in tests/vm/kernels).
set -e
. "$(dirname "$0")/vm/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/lib/tap.sh"
. "$VM_DIR/recipes/build.sh"
. "$VM_DIR/recipes/checkpatch.sh"

kernels=$BUILD_KERNELS
case ${1:-} in
--help | -h) usage ;;
--all) kernels=$BUILD_KERNELS_ALL; shift ;;
esac
pattern=${1:-.}
need_root
need_host git perl rsync shellcheck python3-sphinx
cd "$REPO_DIR"
out=$(mktemp)
trap 'rm -f "$out"' EXIT

tell() { head -n 60 "$out"; }

skip() # NAME REASON
{
	grep -qE -- "$pattern" <<<"$1" || return 0
	verdict "$1 # SKIP $2" 0
}

# t NAME COMMAND...: a test that fails if the command does, or prints anything.
t()
{
	local name=$1 rc=0

	shift
	grep -qE -- "$pattern" <<<"$name" || return 0
	"$@" >"$out" 2>&1 || rc=$?
	[ $rc != 0 ] || [ ! -s "$out" ] || rc=1
	verdict "$name" $rc
}

# All files of the project, also those that are not committed yet.
files()
{
	if [ -e .git ]; then
		git -c safe.directory='*' ls-files -co --exclude-standard
	else
		find . -type f -not -path './build/*' -printf '%P\n'
	fi | while IFS= read -r f; do
		[ ! -f "$f" ] || printf '%s\n' "$f"
	done | sort
}

# C of the kernel, that is not of QEMU or user space
kernel_sources()
{
	local dirs='docs/examples|drivers|include|tests/guest|tests/kunit|tests/power'

	dirs+='|tests/qat|tests/system/selftest|tests/variant|tests/vendor'
	files | grep -E "^($dirs)/.*\.[ch]$" | grep -vx tests/guest/blkload.c
}

scripts()
{
	files | grep -E '\.sh$' || true
	files | grep -vE '\.([ch]|sh|rst|md)$' | tr '\n' '\0' |
		xargs -0 grep -lE '^#!.*/(ba|da)?sh( |$)' || true
}

# none WORDS COMMAND...: grep's logic turned round, and not silent when it breaks.
none()
{
	local rc=0

	"$@" || rc=$?
	[ $rc = 1 ]
}

checkpatch()
{
	local ignore=

	case $1 in
	# Its macros stand for nothing on some kernels, and for several initializers on others
	drivers/vfio/pci/compat.h)
		ignore=--ignore=MACRO_ARG_UNUSED,COMPLEX_MACRO ;;
	# The kernel writes TRACE_EVENT() in another layout than calls, everywhere
	*/trace.h)
		ignore=--ignore=PARENTHESIS_ALIGNMENT,OPEN_ENDED_LINE ;;
	# A kobj_type of the mdev core's, with another release(): see parent.c
	drivers/vfio/mdev-pci/mdev-pci.h)
		ignore=--ignore=CONST_STRUCT ;;
	# Stands for functions and macros of the kernel, with all of their arguments
	tests/kunit/interpose.h)
		ignore=--ignore=MACRO_ARG_UNUSED ;;
	# So does this one, and for module_param(), which is a definition
	tests/kunit/nvme_interpose.h)
		ignore=--ignore=MACRO_ARG_UNUSED,COMPLEX_MACRO,SPACING ;;
	# Stands for strtoull(), whose callers read on behind the number
	tests/kunit/unit.h)
		ignore=--ignore=CONSIDER_KSTRTO ;;
	esac
	"$VM_DIR/checkpatch.sh" --no-tree --strict --terse --show-types --no-summary \
		$ignore -f "$1"
}

# In a tree of its own and from nothing, or old objects would hide warnings; ccache tells those of
# what it has kept again. Debian's headers of 7.x lack the script that tries sparse out, and kbuild
# then silently does without: C=1 is not enough. /src is where a build root has the tree.
build()
{
	local kernel=$1 tree=$CACHE/style/$1 log=$CACHE/log/style-$1.log rc=0 c lacks
	local dirs='drivers|tests/guest|tests/qat|tests/system/selftest|tests/variant|tests/vendor' d
	local make=(env CCACHE_DIR=/src/.ccache CCACHE_DEPEND=1
		make -j"$(nproc)" DEBIAN_KERNEL_USE_CCACHE=1
		KDIR="$(build_kdir "$kernel")" W=1 C=1 KBUILD_CHECKSRC=1
		CHECK="$BUILD_SPARSE")

	mkdir -p "$CACHE/style" "$CACHE/log"
	exec 9>"$CACHE/style/.lock"
	flock -w 600 9 || { echo "another style check takes over 10 minutes"; return 1; }
	mkdir -p "$tree/.ccache"
	find "$tree" -mindepth 1 -maxdepth 1 ! -name .ccache -exec rm -rf {} +
	rsync -a --include='/drivers/***' --include='/include/***' --include=/tests/ \
		--include='/tests/guest/***' --include='/tests/qat/***' --include='/tests/variant/***' \
		--include='/tests/vendor/***' \
		--include='/tests/kunit/***' --include='/tests/unit/***' \
		--include=/tests/system/ --include='/tests/system/selftest/***' --include=/Makefile --include=/Kconfig \
		--exclude='*' ./ "$tree/"
	in_tree() { build_run "$kernel" "$tree" "${make[@]}" "$@" 2>&1 9>&-; }
	in_tree modules >"$log" || rc=$?
	for d in tests/guest tests/qat tests/system/selftest tests/variant tests/vendor; do
		# A stand-in for what this kernel lacks
		[ $d != tests/qat ] || ! grep -q lacks "$tree/generated/have-qat.mk" || continue
		in_tree -C $d >>"$log" || rc=$?
	done
	# As far as it goes: Debian's kernels have KUnit's headers, and nothing to link with; 6.1
	# has not all that the suites use
	if [ "$kernel" != 6.1 ]; then
		dirs+='|tests/kunit'
		in_tree KBUILD_MODPOST_WARN=1 -C tests/kunit >"$log.kunit" || rc=$?
		grep -vE '^WARNING: modpost: (.*\b_*kunit_.* undefined!|suppressed )' "$log.kunit" >>"$log"
	fi
	if [ $rc != 0 ]; then
		grep -E '(error|ERROR|Error)' "$log" || tail -n 30 "$log"
		return $rc
	fi
	none grep -P "$BUILD_COMPLAINT" "$log"
	# What this kernel lacks (drivers/vfio/have.sh); 7.3, the newest, lacks nothing
	lacks=$(cat "$tree"/generated/have-*.mk | sed -n 's/^lacks-\(.*\) := y$/\1/p' | paste -sd '|')
	[ "$kernel" != 7.3 ] || [ -z "$lacks" ] || echo "$kernel is found to lack $lacks"
	# A source that no Makefile names has not been looked at (what only POWER has: tests/power/run.sh;
	# what no module is made of: drivers/vfio/have.sh)
	kernel_sources | grep -E "^($dirs)/.*\.c\$" | grep -vxE "drivers/vfio/pci/nvlink2/power\.c|.*/have\.c|drivers/vfio/mdev-pci/(${lacks:-none})/.*|tests/(variant/)?(${lacks:-none})/.*" | while IFS= read -r c; do
		[ -f "$tree/${c%.c}.o" ] || echo "$c was not built"
		grep -qE "^ *CHECK .*\b${c##*/}\$" "$log" || echo "$c was not seen by sparse"
	done
}

# 7.x's headers have no kernel-doc
kernel_doc()
{
	local tool

	tool=$(ls "$(build_dir 6.12)"/root/usr/lib/linux-kbuild-*/scripts/kernel-doc)
	kernel_sources | xargs perl "$tool" -none -Wall -Werror
}

# Authors of vendor modules read the headers: what is exported is described there, with its context
exports_described()
{
	local name doc

	grep -rhoP '^EXPORT_SYMBOL_GPL\(\K\w+' drivers/vfio/pci drivers/vfio/flavour drivers/vfio/mdev-pci/*.c | while IFS= read -r name; do
		# What a module exports only for its own part is in no header of these
		grep -qw "$name" include/linux/*.h || continue
		grep -qE "^extern const .*\b$name(\[|;)" include/linux/*.h && continue
		doc=$(cat include/linux/*.h | perl -0777 -ne "print \$1 if m{/\*\*\n \* (?:${name#__}|$name)\(\) - ((?:(?!\*/).)*)}s")
		grep -q "Context: " <<<"$doc" || echo "include/linux: no kernel-doc with a Context for $name()"
	done
}

# Texts of licenses, the kernel's ABI format, which begins with "What:", bytes for a fuzzer, JSON,
# and what Debian's tools read line by line: those have no comments
spdx()
{
	local f id

	files | grep -vE '^(LICENSES|docs/ABI|tests/fuzz/corpus)/|\.json$' |
		grep -vxE 'debian/(changelog|source/format|[a-z-]+\.(docs|examples))' | while IFS= read -r f; do
		id=$(head -n 3 "$f" | sed -nE 's/.*SPDX-License-Identifier: ([A-Za-z0-9.-]+).*/\1/p')
		if [ -z "$id" ]; then
			echo "$f: no SPDX-License-Identifier in its first lines"
		elif ! grep -rqx "Valid-License-Identifier: $id" LICENSES; then
			echo "$f: LICENSES has no text of $id"
		fi
	done
}

versions()
{
	none grep -rnE 'LINUX_VERSION_CODE|KERNEL_VERSION *\(|<linux/version\.h>' \
		drivers include tests --include='*.[ch]'
	files | grep '/compat\.h$' | grep -vx drivers/vfio/pci/compat.h || true
}

# Each layer knows only the one below
engine_layer()
{
	none grep -rnE '#include .*(mdev|\.\./)' drivers/vfio/pci include/linux/vfio_pci_engine.h
}

framework_layer()
{
	none grep -nE '#include .*(vfio_pci_core\.h|<linux/vfio\.h|migration\.h|stream\.h|mig_file\.h)' \
		drivers/vfio/mdev-pci/*.[ch] include/linux/mdev_pci.h
}

# driver_flavour stands beside the layers: it knows no mdev and not the engine
flavour_layer()
{
	none grep -rnE '#include .*(mdev|engine)|\b(mdev_|vfio_pci_)' drivers/vfio/flavour include/linux/driver_flavour.h
}

vendor_layer()
{
	none grep -rnE '#include .*(vfio|<linux/mdev\.h>|\.\./)' drivers/vfio/mdev-pci/*/
}

# Layers in a directory, too: a file calls only what is below it
one_way()
{
	local way

	tests/calls.py drivers/vfio/mdev-pci
	tests/calls.py drivers/vfio/flavour
	tests/calls.py drivers/vfio/pci/nvlink2
	# From read() to firmware
	way=$(tests/calls.py drivers/vfio/pci --most 7 --path save_read 'ops->save') || echo "a read takes more calls: $way"
	way=$(tests/calls.py drivers/vfio/pci --most 7 --path load_write 'ops->load') || echo "a write takes more calls: $way"
	tests/calls.py drivers/vfio/pci
	grep -nE '#include .*nvlink2/' drivers/vfio/pci/*.[ch] | grep -v '"nvlink2/engine\.h"' || true
}

# Each operation of vendors is in the guide's table of errnos
errnos_documented()
{
	local op table

	table=$(sed -n '/^The engine and the framework handle an errno/,/return nothing: they must succeed/p' docs/vendor-guide.rst)
	for op in $(sed -n '/^struct \(vfio_pci_mig_ops\|vfio_pci_log_ops\|mdev_pci_parent_ops\|mdev_pci_pf_ops\) {/,/^}/p' include/linux/*.h | grep -oP '\(\*\K\w+(?=\)\()'); do
		grep -q "\`\`$op\`\`" <<<"$table" || echo "docs/vendor-guide.rst: no errnos of $op"
	done
	[ -n "$op" ] || echo "no operations found"
}

# What docs/kernel-internals.rst names is where it says
internals()
{
	local page=docs/kernel-internals.rst name file n=0

	while read -r name file; do
		n=$((n + 1))
		grep -qE "^[a-z].*\b$name\(" "$file" || echo "$page: there is no $name() in $file"
	done < <(tr '\n' ' ' <$page | grep -oP '\*Where:\*.*?\*Why:\*' | sed -nE 's/[^`]*``(\w+)\(\)``.* in ``([a-z0-9_./-]+)``.*/\1 \2/p')
	[ $n -ge 6 ] || echo "$page: $n places found"
}

# Pure logic: what tests/unit can build
stream_layer()
{
	none grep -nE '#include .*(vfio|linux/(fs|slab|mutex|uaccess|pci|module)\.h)' \
		drivers/vfio/pci/stream.c drivers/vfio/pci/stream.h
}

# For shellcheck a function may be called times; for dash, the sh of L1 and of Debian, it may not
shell_check()
{
	! head -n 3 "$1" | grep -qE '^#!.*/sh( |$)|shell=dash' || dash -n "$1" || return 1
	shellcheck --severity=warning --format=gcc "$1"
}

tests_parse()
{
	local f rc=0

	for f in tests/system/*.t; do
		dash -n "$f" || rc=1
	done
	return $rc
}

# documented FILE PAGE PATTERN...: each refusal of the source, with its errno, is in a table
# of the page. In a pattern the first group is the errno (or nothing), the second the words.
documented()
{
	perl -0777 -e '
		my ($file, $page, @patterns) = @ARGV;
		sub slurp { open my $f, "<", $_[0] or die "$_[0]: $!\n"; return <$f> }
		my $source = slurp($file);
		(my $doc = slurp($page)) =~ s/\s+/ /g;
		my $n = 0;
		for my $pattern (@patterns) {
			while ($source =~ /$pattern/g) {
				my ($errno, $words) = ($1, $2);
				$n++;
				# "any" of a table stands for all; a value in the words ends them
				$words =~ s/%.*//s;
				my $row = $errno ? "* - $errno - ``" : "``";
				next if $doc =~ /\Q$row\E(mdev UUID refused: )?\Q$words\E/;
				print "$file: not in $page: ", $errno ? "$errno, " : "", "\"$words\"\n";
			}
		}
		print "$file: no refusal found\n" if !$n;
	' "$@"
}

stream_documented()
{
	documented drivers/vfio/pci/stream.c docs/migration-stream.rst \
		'refuse\(r, -(\w+),\s+"([^"]*)"'
}

nvlink2_documented()
{
	documented drivers/vfio/pci/nvlink2/desc.c docs/nvlink2.rst \
		'refuse\(-(\w+), why, "([^"]*)"'
	# -ENODEV refuses nothing
	documented drivers/vfio/pci/nvlink2/of.c docs/nvlink2.rst \
		'refuse\(-(?!ENODEV)(\w+), why, "([^"]*)"'
}

create_documented()
{
	documented drivers/vfio/mdev-pci/claim.c docs/refusals.rst \
		'refuse\(parent, instance, -(\w+),\s+"([^"]*)"'
	documented drivers/vfio/mdev-pci/mdev.c docs/refusals.rst \
		'()mdev %s refused: ([^"]*)\\n"'
	documented drivers/vfio/mdev-pci/assign.c docs/refusals.rst \
		'()mdev %s refused: ([^"]*)\\n"'
}

attr_documented()
{
	documented drivers/vfio/mdev-pci/attr.c docs/refusals.rst \
		'refuse\(instance, attr, -(\w+),\s+"([^"]*)"'
}

# What migration_state can show, as vfio_pci_engine_state() has the names
states_documented()
{
	local abi=docs/ABI/testing/sysfs-bus-mdev-pci s

	s=$(sed -n 's/.*\[VFIO_DEVICE_STATE_[A-Z0-9_]*\] = "\([A-Z0-9_]*\)".*/\1/p' drivers/vfio/pci/stats.c)
	[ "$(wc -w <<<"$s")" -ge 8 ] || echo "no names of states found"
	for s in $s; do
		sed -n '/^What:.*\/migration_state$/,/^What:.*attribute>$/p' $abi | grep -qw "$s" ||
			echo "$abi: migration_state without $s"
	done
}

# They take an unsigned long, which has 32 bits on some machines
u64_functions()
{
	none grep -rnE '\b(is_power_of_2|roundup_pow_of_two|__ffs|hweight_long)\(' drivers include \
		--include='*.[ch]'
}

# Each line that the modules write to the log, on one of the pages for operators. A value may
# stand for anything there
log_documented()
{
	files | grep -E '^drivers/.*\.c$' | xargs perl -0777 -e '
		my ($doc, $n) = ("", 0);
		for my $page (glob "docs/{troubleshooting,refusals,events,installing,mdevs,migrating,other-devices,migration-stream,nvlink2}.rst") {
			open my $f, "<", $page or die "$page: $!\n";
			$doc .= <$f>;
		}
		$doc =~ s/\s+/ /g;
		for my $file (@ARGV) {
			open my $f, "<", $file or die "$file: $!\n";
			my $source = <$f>;
			while ($source =~ /\b((?:pci|dev|pr)_(?:err|warn|info)\w*|mig_err|mig_fail|refuse)\(([^;]*?)"((?:[^"\\]|\\.)*)"/g) {
				my ($call, $before, $words) = ($1, $2, $3);
				# A word in quotes before the format is none of a call with one
				next if $before =~ /[{}]/;
				$words =~ s/\\n$//;
				$words =~ s/\\"/"/g;
				# What stands before it in the log is told once for all
				$words =~ s/^(: | data refused: |(?:%s|stream) of mdev %s: |NVLink2 refused, as described by %s: |mdev-pci-generic: )//;
				# mig_fail() of an operation that has not returned has words of its own
				next if $words =~ /^(migration)?%pV$|^an operation has not returned$/ || $words eq "";
				$n++;
				my $pattern = join ".{1,80}?", map { quotemeta }
					split /%[-0-9.#]*(?:ll|l|z|h)?(?:p[a-zA-Z]*|[a-z])/, $words, -1;
				print "$file: in no table of docs/: \"$words\"\n" if $doc !~ /$pattern/;
			}
		}
		print "no line found in the drivers\n" if $n < 50;
	'
}

# Each finding of the check tool with which something is to be done, with its results
findings_documented()
{
	perl -0777 -e '
		sub slurp { open my $f, "<", $_[0] or die "$_[0]: $!\n"; return <$f> }
		my ($tool, $doc) = map { slurp($_) } qw(tools/mdev-pci-check docs/troubleshooting.rst);
		my (%found, %told);
		$found{$2}{$1 eq "problem" ? "error" : $1} = 1
			while $tool =~ /\b(info|warning|problem) ([a-z][a-z-]+)\s/g;
		$told{$1} = $2 while $doc =~ /^   \* - ``([a-z-]+)``\n     - ((?:(?:, )?(?:warning|info|error))+)$/mg;
		for my $name (sort keys %found) {
			my $results = join ", ", reverse sort keys %{$found{$name}};
			print "docs/troubleshooting.rst: $name ($results) is told as ",
				$told{$name} // "nothing", "\n" if ($told{$name} // "") ne $results;
		}
		print "docs/troubleshooting.rst: there is no finding $_\n" for grep { !$found{$_} } sort keys %told;
		print "no finding in the tool\n" if keys %found < 15;
	'
}

# Programs without a name of their own in the page are none: options and checks
man_page()
{
	local w

	sed -n 's/^	\(--[a-z]*\)).*/\1/p' tools/mdev-pci-check | sort -u | while IFS= read -r w; do
		grep -qE "^\.It Fl -${w#--}( |$)" tools/mdev-pci-check.8 || echo "option $w is not in the man page"
	done
	grep -oE '\b(good|info|warning|problem) [a-z][a-z-]+ ' tools/mdev-pci-check | cut -d' ' -f2 | sort -u |
		while IFS= read -r w; do
			grep -qE "^\.It (.* , )?$w( |$)" tools/mdev-pci-check.8 || echo "check $w is not in the man page"
		done
}

# As a vendor would: nothing of this tree but what is installed, and the modules' symbols
example() # NAME
{
	local kernel=6.12 log=$CACHE/log/style-example.log
	local tree=$CACHE/style/$kernel

	[ -f "$tree/Module.symvers" ] || build "$kernel" || return 1
	rm -rf "$tree/.dev" "$tree/.$1"
	make -s install-dev DESTDIR="$tree/.dev" PREFIX=/usr &&
		cp -a "$tree/.dev/usr/share/mdev-pci/examples/$1" "$tree/.$1" || return 1
	[ "$(grep -vc '^#' "$tree/.$1/Makefile")" -le 4 ] || echo "its Makefile has more than four lines"
	build_run "$kernel" "$tree" make -C ".$1" MDEV_PCI=/src/.dev/usr/share/mdev-pci W=1 \
		KDIR="$(build_kdir "$kernel")" MDEV_PCI_SYMVERS=/src/Module.symvers >"$log" 2>&1 ||
		{ tail -n 20 "$log"; return 1; }
	grep -i 'warning' "$log" || true
	[ -f "$tree/.$1/$1.ko" ] || echo "there is no $1.ko"
	# Without the symbols it says what to do
	if build_run "$kernel" "$tree" make -C ".$1" MDEV_PCI=/src/.dev/usr/share/mdev-pci \
		KDIR="$(build_kdir "$kernel")" >"$log" 2>&1 || ! grep -q 'mdev-pci is not built for this kernel' "$log"; then
		echo "without mdev-pci it does not say so"
	fi
}

# Each command that "make install-tools" installs, with all its options
man_pages()
{
	local dir=$CACHE/style/tools f name page option

	rm -rf "$dir"
	make -s install-tools DESTDIR="$dir" PREFIX=/usr
	for f in "$dir"/usr/bin/* "$dir"/usr/sbin/*; do
		name=${f##*/}
		page=$(find "$dir/usr/share/man" -name "$name.[18]")
		if [ -z "$page" ]; then
			echo "$name has no man page"
			continue
		fi
		for option in $("$f" --help | grep -oE -- '--[a-z][a-z-]+' | sort -u); do
			grep -qE "^\.It Fl -${option#--}( |$)" "$page" || echo "$name: option $option is not in its man page"
		done
		# groff quotes what follows on the line once more
		grep -nE '^\..*Qq .*Qq ' "$page" | sed "s/^/$name: two quotations in a line: /"
		sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/{/^\.It/p}' "$page" | sed "s/^/$name: an item outside of a list: /"
		command -v mandoc >/dev/null || continue
		mandoc -Tlint -W warning "$page" || true
	done
}

# A page that the packages have links to no page that they lack; no page links to a file that is not there
links()
{
	perl -0777 -e '
		sub slurp { open my $f, "<", $_[0] or die "$_[0]: $!\n"; return <$f> }
		my %packaged = map { $_ => 1 } map { glob } split " ", slurp("debian/mdev-pci-tools.docs");
		for my $page (glob("*.md tests/vm/README.md"), glob("docs/*.rst")) {
			my ($dir) = $page =~ m,^(.*/),;
			my $text = slurp($page);
			my @links = $page =~ /md$/ ? $text =~ /\]\(([^):#]+)[^)]*\)/g : $text =~ /<([^<>:#` ]+\.(?:rst|md))[^<>]*>`_/g;
			for my $link (@links) {
				my $file = ($dir // "") . $link;
				print "$page: there is no $file\n" if !-e $file;
				print "$page: $file is not in the package\n" if $packaged{$page} && !$packaged{$file};
			}
		}
	'
}

# What they know of the device is in tests/system/device: another vendor's has a file there. refdev-vfio-pci
# is a module of tests/variant, profiles are files of tools/mdevctl-profiles
no_vendor()
{
	grep -nE 'refdev(-|_|$|[^-_a-z])' tests/system/[0-9]*.t \
		--exclude='2[123][0-9]-*' --exclude=075-flavour.t |
		grep -vE 'profiles/refdev-dma-limited|^[^:]*:[0-9]*:#' || true
}

# Static as for the test bed, and as the package has it
conform_builds()
{
	local dir=$CACHE/style/conform static

	for static in '' 1; do
		rm -rf "$dir"
		make -s -C tools/conform O="$dir" STATIC=$static CFLAGS="-O2 -Werror -Wmissing-prototypes -Wno-missing-declarations" || return
	done
}

conform_page()
{
	local w

	sed -n 's/^	{ "\([a-z-]*\)", .*_argument.*/\1/p' tools/conform/main.c | grep -vx help | while IFS= read -r w; do
		grep -qE "^\.It Fl (.*, Fl )?-$w( |$)" tools/conform/mdev-pci-conform.8 ||
			echo "option $w is not in the man page"
	done
}

# A point without a sentence of the uapi is an opinion
conform_rules()
{
	"$CACHE/style/conform/mdev-pci-conform" --list | awk '
		/^[a-z]/ { name = $1; n++ }
		/^    uapi: ..../ { told++ }
		END { if (n != told || n < 150) print n " points, " told " sentences" }'
	for w in $("$CACHE/style/conform/mdev-pci-conform" --list | sed -n 's/^\([a-z]*\)\..*/\1/p' | sort -u); do
		grep -qE "^\`\`$w\`\` " docs/conformance.rst || echo "docs/conformance.rst: no group $w"
	done
}

# Commands of the guides are in blocks that have a name, no other block has it, and a test runs each
guide_tried()
{
	perl -0777 -e '
		sub slurp { open my $f, "<", $_[0] or die "$_[0]: $!\n"; return <$f> }
		my $tests = join "", map { slurp($_) } @ARGV;
		my ($n, %found) = 0;
		for my $page (glob "docs/*.rst") {
			my $before = "";
			next if slurp($page) !~ /^\s*\.\. try: /m;
			for my $paragraph (split /\n\s*\n/, slurp($page)) {
				if ($paragraph =~ /::$/ && $paragraph !~ /^\s*\.\. /) {
					my ($first) = $paragraph =~ /([^\n]*)$/;
					$n++;
					if ($before !~ /^\s*\.\. try: ([a-z0-9-]+)$/) {
						print "$page: which test runs this? $first\n";
					} elsif ($found{$1}++) {
						print "$page: there is another \"$1\"\n";
					} elsif ($tests !~ /\bguide(_inside)? $1(?![a-z0-9-])/) {
						print "$page: no test runs \"$1\"\n";
					}
				}
				$before = $paragraph;
			}
		}
		print "no commands in the guides\n" if $n < 30;
	' tests/system/*.t tests/packages/run.sh tests/docs/start.sh
}

# An SVG says what it was drawn from
pictures() { docs/pictures/draw.py --check; }

# Code in the vendor guide is copied from a file that is built, which stands before it; white space aside
vendor_guide()
{
	perl -0777 -e '
		sub slurp { open my $f, "<", $_[0] or die "$_[0]: $!\n"; return <$f> }
		my ($n, $file) = 0;
		for my $paragraph (split /\n(?=\S)/, slurp("docs/vendor-guide.rst")) {
			if ($paragraph =~ /^\.\. from: (\S+)\s*$/) {
				$file = $1;
			} elsif (defined $file) {
				my ($source, $at) = (slurp($file), 0);
				$source =~ s/\s+/ /g;
				print "no code follows .. from: $file\n" if $paragraph !~ /^::\n/;
				for my $part (map { s/^\s+|\s+$//gr } grep { /\S/ } split /\n\s*\n/, ($paragraph =~ s/^::\n//r)) {
					$part =~ s/\s+/ /g;
					my $found = index $source, $part, $at;
					print "$file has not, or not in this order: $part\n" if $found < 0;
					$at = $found + length $part if $found >= 0;
				}
				$n++;
				undef $file;
			}
		}
		print "only $n pieces of code have a source\n" if $n < 9;
	'
}

# Words that readers have stumbled over, in documents, help texts and log lines
plain_words()
{
	local w='\b([Hh]e|[Hh]im|[Ss]he|anew|whom)\b|\bdata files?\b|[Ss]tands? still|pieces? of state|opposite of'

	w="$w|[Tt]aken? (it |all memory |them )?for (-E|dirty|clean|granted|ended)"
	none grep -nE "$w" ./*.md tests/vm/README.md docs/*.rst docs/ABI/testing/* tools/*.[18] tools/conform/*.8 \
		tools/mdev-pci-* Kconfig debian/control &&
		none grep -rnE "\"[^\"]*($w)" drivers --include='*.[ch]'
}

html()
{
	rm -rf "$CACHE/style/docs"
	mkdir -p "$CACHE/style"
	sphinx-build -qnW docs "$CACHE/style/docs"
}

# Lines of code may be longer where that reads better. have.c has its probes in one line
comment_width()
{
	files | grep -E '^(drivers|include)/.*\.[ch]$' | grep -v '/have\.c$' | tr '\n' '\0' | xargs -0 awk '
		FNR == 1 { inside = 0 }
		/^[ \t]*\/\*/ { inside = 1 }
		inside {
			wide = ""
			for (i = 1; i <= length($0); i++) {
				c = substr($0, i, 1)
				wide = wide (c == "\t" ? substr("        ", length(wide) % 8 + 1) : c)
			}
			if (length(wide) > 80)
				print FILENAME ":" FNR ": " length(wide) " columns"
		}
		/\*\// { inside = 0 }'
}

whitespace()
{
	files | grep -vE '^(LICENSES|tests/fuzz/corpus)/' | tr '\n' '\0' | xargs -0 grep -nIE '[[:space:]]+$' || true
	files | grep -v '^tests/fuzz/corpus/' | tr '\n' '\0' | xargs -0 grep -LIE 'a^' | while IFS= read -r f; do
		[ ! -s "$f" ] || [ -z "$(tail -c 1 "$f")" ] || echo "$f: no newline at its end"
	done
}

build_roots "$kernels"
checkpatch_root

[ -n "$(kernel_sources)" ] || die "no sources?"
for f in $(kernel_sources); do
	t "checkpatch: $f" checkpatch "$f"
done
for k in $kernels; do
	name="build for $k: no warning by gcc, sparse or modpost"
	if [[ " $HAVE_KERNELS " == *" $k "* ]]; then
		t "$name" build "$k"
	else
		skip "$name" "its packages are not to be had now"
	fi
done
for f in docs/examples/*/; do
	t "example: ${f%/} builds out of the tree against what install-dev installs" example "$(basename "$f")"
done
t "kernel-doc: no warning" kernel_doc
t "kernel-doc: what is exported is described in the headers" exports_described
t "license: every file has its SPDX identifier" spdx
t "versions: headers are asked, not LINUX_VERSION_CODE, and only in drivers/vfio/pci/compat.h" versions
t "layers: the engine knows nothing of mdev" engine_layer
t "layers: the stream format knows nothing of VFIO" stream_layer
t "layers: the framework uses vfio-pci-core only through the engine" framework_layer
t "layers: driver_flavour knows nothing of mdevs" flavour_layer
t "layers: vendor modules include nothing of VFIO but mdev_pci.h" vendor_layer
t "layers: files of a module call each other in one direction" one_way
t "docs: what kernel-internals.rst names is there" internals
t "docs: what an errno of each vendor operation does" errnos_documented
for f in $(scripts | sort -u); do
	t "shellcheck: $f" shell_check "$f"
done
t "shell: L1's sh takes each system test" tests_parse
t "docs: every refusal of a stream is documented with its errno" stream_documented
t "docs: every refusal of a description is documented with its errno" nvlink2_documented
t "docs: every refusal of create is documented with its errno" create_documented
t "docs: every refusal of an attribute is documented with its errno" attr_documented
t "docs: every line that the modules log is documented" log_documented
t "docs: the ABI file names every migration state" states_documented
t "types: no value of 64 bits goes through an unsigned long" u64_functions
t "docs: every finding of mdev-pci-check is documented with its results" findings_documented
t "docs: a test runs each command of the guides" guide_tried
t "docs: each picture is as new as its source" pictures
t "docs: the vendor guide shows code that is built" vendor_guide
t "docs: documents, help texts and log lines have no word that readers stumbled over" plain_words
t "docs: Sphinx builds them without a warning" html
t "docs: the man page of mdev-pci-check has all options and checks" man_page
t "docs: each installed command has a man page with all its options" man_pages
t "docs: each link leads to a file, and those of packaged pages to packaged ones" links
t "layers: system tests name the device under test only in tests/system/device" no_vendor
t "conform: builds without a warning, static and not" conform_builds
t "conform: each point has its sentence, each group is documented" conform_rules
t "docs: the man page of mdev-pci-conform has all options" conform_page
t "comments: in kernel code they have 80 columns at most" comment_width
t "white space: none at the end of lines, files end with a newline" whitespace

verdicts
