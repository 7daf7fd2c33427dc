# SPDX-License-Identifier: GPL-2.0-only
# The payload: what changes from run to run, a small image mounted in L1 at
# /payload. It holds tests/ and tools/ of this checkout, the modules in
# modules/, and lib/modules/RELEASE with an index that knows them.

# payload OUT STACK MODULES-TREE [FILE...]
# MODULES-TREE is a build tree (or empty). The files (run, timeout...) and
# directories go to the top.
payload()
{
	local out=$1 stack=$2 tree=$3 dir=$1.d x

	shift 3
	rm -rf "$dir"
	mkdir -p "$dir/modules"
	for x in tests tools docs; do
		[ ! -d "$REPO_DIR/$x" ] || cp -a "$REPO_DIR/$x" "$dir/"
	done
	for x; do
		cp -a "$x" "$dir/"
	done
	[ -z "$tree" ] || payload_modules "$dir" "$stack" "$tree"
	mkfs.erofs -x-1 --all-root "$out" "$dir" >/dev/null
	rm -rf "$dir"
}

# The modules of the last build: not every *.ko, of which some may be left
# from sources that are gone. modules.order names .ko or .o files, relative or
# in the build root, by the kernel's version.
payload_built() # TREE
{
	local order m

	for order in "$1/modules.order" "$1/tests/guest/modules.order"; do
		[ -f "$order" ] || continue
		while read -r m; do
			m=${m%.o}
			m=${m%.ko}.ko
			find "${order%/*}" -name "${m##*/}"
		done <"$order"
	done | sort -u
}

payload_modules()
{
	local dir=$1 stack=$2 tree=$3 release base

	release=$(cat "$stack/release")
	base=$dir/depmod/lib/modules/$release
	# Not while build-modules.sh is at it.
	(
		flock -w 600 9
		payload_built "$tree" | xargs -r cp -t "$dir/modules"
	) 9>>"$tree/../.lock"
	# depmod wants to see the whole tree; links cost next to nothing.
	mkdir -p "$base"
	cp -al "$stack/modules/lib/modules/$release/." "$base/" 2>/dev/null ||
		cp -a "$stack/modules/lib/modules/$release/." "$base/"
	# depmod replaces its files by rename, so the links do no harm.
	mkdir "$base/updates"
	cp "$dir"/modules/*.ko "$base/updates/" 2>/dev/null || true
	depmod -b "$dir/depmod" "$release"
	mkdir -p "$dir/lib/modules/$release"
	cp -a "$base/updates" "$dir/lib/modules/$release/"
	find "$base" -maxdepth 1 -name 'modules.*' -newer "$dir/modules" \
		-exec cp -t "$dir/lib/modules/$release" {} +
	rm -rf "$dir/depmod"
}
