# SPDX-License-Identifier: GPL-2.0-only
# packages-SUITE: a Debian as its installer leaves it, with the kernel, its headers and DKMS, and
# what builds packages: where ours are built, installed and removed again. Unlike the roots of
# the stacks its maintainer scripts have run.
PACKAGES_BASE="linux-image-amd64 linux-headers-amd64 dkms mdevctl systemd udev kmod procps iproute2
	pciutils jq gzip util-linux debhelper dh-dkms dpkg-dev build-essential python3"

packages_key() { hash_of "$1" "$PACKAGES_BASE" "$(declare -f packages_make packages_unpack)"; }
packages_dir() { artefact_dir "packages-$1" "$(packages_key "$1")"; }

packages_root() # SUITE
{
	PACKAGES_SUITE=$1
	artefact "packages-$1" "$(packages_key "$1")" packages_make
}

packages_make()
{
	need_host mmdebstrap
	step "Debian $PACKAGES_SUITE, with kernel, headers and DKMS (3 minutes)" -- \
		packages_unpack "$1" "$PACKAGES_SUITE"
}

packages_unpack()
{
	local dir=$1 suite=$2 opts include

	opts=$(mktemp)
	debian_aptopts >"$opts"
	include=$(printf '%s,' $PACKAGES_BASE)
	mmdebstrap --mode=root --variant=minbase --aptopt="$opts" --include="${include%,}" \
		"$suite" "$dir/root" "$(debian_source deb "$suite")"
	rm -f "$opts"
	mkdir -p "$dir/root/src" "$dir/root/payload" "$dir/root/share"
	basename "$(ls -d "$dir"/root/lib/modules/*-amd64)" >"$dir/release"
	# Its key is made with the first module that DKMS builds, whosever that is
	chroot "$dir/root" dkms generate_mok 2>/dev/null || true
}
