# SPDX-License-Identifier: GPL-2.0-only
# checkpatch.pl with its word lists. No package but the kernel's source has it.

CHECKPATCH_SUITE=trixie
CHECKPATCH_SOURCE=linux-source-6.12

checkpatch_key()
{
	hash_of "$CHECKPATCH_SUITE $CHECKPATCH_SOURCE" "$(declare -f checkpatch_fetch)"
}

checkpatch_dir() { artefact_dir checkpatch "$(checkpatch_key)"; }
checkpatch_root() { artefact checkpatch "$(checkpatch_key)" checkpatch_make; }

checkpatch_make()
{
	need_host perl xz-utils
	step "checkpatch.pl from $CHECKPATCH_SOURCE" -- checkpatch_fetch "$1"
}

checkpatch_fetch()
{
	local dir=$1 tar

	private_apt "$dir/apt" "$(debian_source deb $CHECKPATCH_SUITE)"
	(cd "$dir" && papt "$dir/apt" download "$CHECKPATCH_SOURCE/$CHECKPATCH_SUITE")
	dpkg-deb --fsys-tarfile "$dir"/linux-source-*.deb |
		tar -C "$dir" --strip-components=3 --wildcards -x './usr/src/*.tar.xz'
	tar=$(ls "$dir"/linux-source-*.tar.xz)
	# The archive is in order of path: once past scripts/ tar may stop, which
	# --occurrence makes it do after the last of the named files.
	xz -T0 -dc "$tar" | tar -C "$dir" --strip-components=1 --occurrence=1 -x \
		"${CHECKPATCH_SOURCE}/scripts/checkpatch.pl" \
		"${CHECKPATCH_SOURCE}/scripts/spelling.txt" \
		"${CHECKPATCH_SOURCE}/scripts/const_structs.checkpatch" || [ -s "$dir/scripts/spelling.txt" ]
	rm -rf "$dir/apt" "$dir"/linux-source-*
	chmod +x "$dir/scripts/checkpatch.pl"
}
