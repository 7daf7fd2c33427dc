# SPDX-License-Identifier: GPL-2.0-only
# Debian as the source of everything: its mirror, packages of any suite
# without touching this system's own sources, and root trees.

DEBIAN_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# need_host PACKAGE...: install those of them that this machine lacks.
need_host()
{
	local p have missing=

	have=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null) || true
	for p; do
		grep -q -x "$p installed" <<<"$have" || missing="$missing $p"
	done
	[ -z "$missing" ] || step "host packages:$missing" -- host_install $missing
}

host_install()
{
	export DEBIAN_FRONTEND=noninteractive
	# Fresh machines have no package lists or stale ones; a failing update
	# of some other vendor's list need not stop Debian's packages.
	apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$@" ||
		{
			apt-get -o DPkg::Lock::Timeout=120 update || true
			apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$@"
		}
}

# The mirror this machine already uses. apt itself reads the sources, so that
# one-line and deb822 files, and whatever comes next, are all understood.
debian_mirror()
{
	local empty uri codename=$(. /etc/os-release; echo "$VERSION_CODENAME")

	[ -z "${DEBIAN_MIRROR:-}" ] || { printf '%s\n' "$DEBIAN_MIRROR"; return; }
	empty=$(mktemp -d)
	mkdir "$empty/partial"
	uri=$(apt-get -o Dir::State::lists="$empty" update --print-uris |
		sed -n "s,^'\(.*\)/dists/$codename/main/binary-.*,\1,p" | head -n 1)
	rm -rf "$empty"
	[ -n "$uri" ] || die "no Debian mirror in apt's sources (set DEBIAN_MIRROR)"
	printf '%s\n' "$uri"
}

# This machine's proxy and validity settings hold for every suite we read.
debian_aptopts()
{
	apt-config dump --format '%f "%v";%n' |
		grep -E '^Acquire::(http|https|Retries|Check-)' || true
	printf 'Acquire::Languages "none";\n'
	printf 'Apt::Install-Recommends "false";\n'
}

# debian_source KIND SUITE: a line of a sources list, and one for each of $MORE_SUITES
# (for a tree from more than one: from others only what is asked for as NAME/SUITE)
debian_source()
{
	local suite

	for suite in "$2" ${MORE_SUITES:-}; do
		printf '%s [signed-by=%s] %s %s main\n' "$1" "$DEBIAN_KEYRING" "$(debian_mirror)" "$suite"
	done
}

# private_apt DIR LINE...: an apt of its own, with the given sources, in DIR.
# Afterwards: papt DIR COMMAND...
private_apt()
{
	local dir=$1

	shift
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	printf '%s\n' "$@" >"$dir/sources.list"
	{
		debian_aptopts
		printf 'Dir::State::lists "%s/lists";\n' "$dir"
		printf 'Dir::Cache "%s/cache";\n' "$dir"
		printf 'Dir::Etc::sourcelist "%s/sources.list";\n' "$dir"
		printf 'Dir::Etc::sourceparts "/dev/null";\n'
		printf 'Dir::Etc::preferencesparts "/dev/null";\n'
		printf 'APT::Sandbox::User "root";\n'
	} >"$dir/apt.conf"
	papt "$dir" update
}

papt() # DIR APT-GET ARGUMENTS
{
	local dir=$1

	shift
	APT_CONFIG="$dir/apt.conf" apt-get "$@"
}

# debian_tree SUITE DIR PACKAGE...: unpack packages and their dependencies.
# No maintainer script runs (it takes a quarter of the time so); finish_tree
# does by hand the little of their work that we need.
debian_tree()
{
	local suite=$1 dir=$2 opts include

	shift 2
	opts=$(mktemp)
	debian_aptopts >"$opts"
	include=$(printf '%s,' "$@")
	mmdebstrap --mode=root --variant=extract --aptopt="$opts" \
		--setup-hook=/usr/share/mmdebstrap/hooks/merged-usr/setup00.sh \
		--include="${include%,}" "$suite" "$dir" "$(debian_source deb "$suite")"
	rm -f "$opts"
	finish_tree "$dir"
}

finish_tree()
{
	local dir=$1

	[ -e "$dir/usr/bin/awk" ] || ln -sf mawk "$dir/usr/bin/awk"
	[ -e "$dir/usr/bin/sh" ] || ln -sf dash "$dir/usr/bin/sh"
	printf 'root:x:0:0:root:/root:/bin/bash\n' >"$dir/etc/passwd"
	printf 'root:x:0:\ntty:x:5:\nkvm:x:108:\n' >"$dir/etc/group"
	mkdir -p "$dir/root" "$dir/proc" "$dir/sys" "$dir/dev" "$dir/tmp" "$dir/run"
	rm -rf "$dir/var/run"
	ln -s /run "$dir/var/run"
	chmod 1777 "$dir/tmp"
	rm -rf "$dir/var/lib/apt" "$dir/var/cache/apt" "$dir/usr/share/doc" \
		"$dir/usr/share/man" "$dir/usr/share/locale" "$dir/usr/share/info"
	ldconfig -r "$dir"
}
