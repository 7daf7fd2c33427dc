# SPDX-License-Identifier: GPL-2.0-only
# driverctl: Debian's, a shell script that L1's root does not have. /payload/driverctl has it.
DRIVERCTL_SUITE=trixie

driverctl_key() { hash_of "$DRIVERCTL_SUITE" "$(declare -f driverctl_make driverctl_unpack)"; }
driverctl_dir() { artefact_dir driverctl "$(driverctl_key)"; }
driverctl_root() { artefact driverctl "$(driverctl_key)" driverctl_make; }

driverctl_make() { step "driverctl of $DRIVERCTL_SUITE" -- driverctl_unpack "$1"; }

driverctl_unpack()
{
	private_apt "$1/apt" "$(debian_source deb "$DRIVERCTL_SUITE")"
	(cd "$1" && papt apt download driverctl && dpkg-deb -x driverctl_*.deb tree)
	mkdir "$1/driverctl"
	cp "$1"/tree/usr/*bin/driverctl "$1/driverctl/"
	rm -rf "$1/apt" "$1/tree"
}
