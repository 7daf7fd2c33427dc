# SPDX-License-Identifier: GPL-2.0-only
# nova: a root with Debian's python3-nova and what that needs, for tests/fleet.
NOVA_SUITE=bookworm
NOVA_PACKAGES="python3-nova dash coreutils grep libc-bin"

nova_key() { hash_of "$NOVA_SUITE" "$NOVA_PACKAGES" "$(declare -f nova_make debian_tree finish_tree)"; }
nova_dir() { artefact_dir nova "$(nova_key)"; }
nova_root() { artefact nova "$(nova_key)" nova_make; }

nova_make() # DIR
{
	need_host mmdebstrap
	# shellcheck disable=SC2086 # words on purpose
	step "python3-nova of $NOVA_SUITE (3 minutes)" -- debian_tree "$NOVA_SUITE" "$1/root" $NOVA_PACKAGES
}
