# SPDX-License-Identifier: GPL-2.0-only
# Artefacts: directories $CACHE/NAME/KEY, where KEY is a hash of what makes
# them. One is built in $CACHE/NAME/.new and renamed, so it is whole or absent.

# hash_of FILE_OR_WORD...: one short key for contents and words alike. Recipes
# are hashed as the functions that they are (declare -f), not as files, so that
# a change of a comment or of a neighbour costs no rebuild.
hash_of()
{
	local x

	for x; do
		if [ -f "$x" ]; then
			printf 'file %s ' "${x##*/}"
			sha256sum <"$x"
		else
			printf 'word %s\n' "$x"
		fi
	done | sha256sum | cut -c1-16
}

# artefact_dir NAME KEY: where it is (or would be).
artefact_dir() { printf '%s/%s/%s\n' "$CACHE" "$1" "$2"; }

# optional FILE FUNCTION ARGUMENTS...: a function that makes artefacts. It may fail if FILE has
# a line OPTIONAL=1: packages of a suite that changes daily may be gone or not fit together.
# Sets OPTIONAL_RC; not to be called in a list with || or &&, see below.
optional()
{
	local file=$1

	shift
	set +e
	(
		set -e
		"$@"
	)
	OPTIONAL_RC=$?
	set -e
	[ $OPTIONAL_RC = 0 ] || grep -q '^OPTIONAL=1' "$file" || exit $OPTIONAL_RC
	[ $OPTIONAL_RC = 0 ] || note "${file##*/} is not available now; it may be missing, going on"
}

# artefact NAME KEY FUNCTION: make it unless it is there. FUNCTION gets the
# directory to fill; it may use step. Older keys go once the new one stands:
# the cache holds one of each artefact.
artefact()
{
	local name=$1 key=$2 make=$3 top="$CACHE/$1" start=$SECONDS rc=0 old

	[ ! -d "$top/$key" ] || return 0
	mkdir -p "$top"
	exec {ARTEFACT_LOCK}>"$top/.lock"
	if ! flock -n $ARTEFACT_LOCK; then
		note "$name: being made by someone else, waiting"
		flock -w 3600 $ARTEFACT_LOCK || die "$name: waited an hour"
	fi
	if [ ! -d "$top/$key" ]; then
		note "$name:"
		LOG=$CACHE/log/$name.log
		mkdir -p "$CACHE/log"
		: >"$LOG"
		rm -rf "$top/.new"
		mkdir "$top/.new"
		# Not "... || rc=$?": bash ignores set -e inside such a list. For
		# the same reason never call artefact or step in one.
		set +e
		(
			set -e
			"$make" "$top/.new"
		)
		rc=$?
		set -e
		[ $rc = 0 ] || die "$name could not be made"
		mv "$top/.new" "$top/$key"
		for old in "$top"/*; do
			[ "$old" = "$top/$key" ] || rm -rf "$old"
		done
		note "$name: made in $((SECONDS - start)) s"
	fi
	exec {ARTEFACT_LOCK}>&-
}
