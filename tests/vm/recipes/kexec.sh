# SPDX-License-Identifier: GPL-2.0-only
# kexec: of Debian's source, unchanged, as a static program, which L1's root does not have. Debian's own loads Xen's libraries.

KEXEC_SUITE=bookworm
KEXEC_OPTIONS="--without-xen --without-lzma --without-zlib"

kexec_key() { hash_of "$KEXEC_SUITE" "$KEXEC_OPTIONS" "$(declare -f kexec_make kexec_fetch kexec_build)"; }
kexec_dir() { artefact_dir kexec "$(kexec_key)"; }
kexec_root() { artefact kexec "$(kexec_key)" kexec_make; }

kexec_make()
{
	need_host gcc libc6-dev make
	step "kexec's source from $KEXEC_SUITE" -- kexec_fetch "$1"
	step "kexec" -- kexec_build "$1"
	rm -rf "$1/apt" "$1/src"
}

kexec_fetch() # DIR
{
	mkdir "$1/src"
	private_apt "$1/apt" "$(debian_source deb-src "$KEXEC_SUITE")"
	(cd "$1/src" && papt "$1/apt" source --download-only kexec-tools)
	tar -C "$1/src" --strip-components=1 -xf "$1"/src/kexec-tools_*.orig.tar.*z
}

kexec_build() # DIR
{
	# shellcheck disable=SC2086  # words on purpose
	(cd "$1/src" && ./configure $KEXEC_OPTIONS LDFLAGS=-static && make build/sbin/kexec)
	strip -o "$1/kexec" "$1/src/build/sbin/kexec"
}
