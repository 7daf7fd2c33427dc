# SPDX-License-Identifier: GPL-2.0-only
# fio: fio/fio, of Debian's source, unchanged, as a static program for a guest's initrd. Debian's own program
# loads what Ceph and Gluster need.

FIO_SUITE=bookworm
FIO_OPTIONS="--build-static --disable-native --disable-numa --disable-rdma --disable-rados --disable-rbd
	--disable-http --disable-gfapi --disable-pmem --disable-xnvme --disable-libzbc --disable-tcmalloc --disable-lex"

fio_key() { hash_of "$FIO_SUITE" "$FIO_OPTIONS" "$(declare -f fio_make fio_fetch fio_build)"; }
fio_dir() { artefact_dir fio "$(fio_key)"; }
fio_root() { artefact fio "$(fio_key)" fio_make; }

fio_make()
{
	need_host gcc libc6-dev make
	step "fio's source from $FIO_SUITE (16 MB)" -- fio_fetch "$1"
	step "fio" -- fio_build "$1"
	rm -rf "$1/apt" "$1/src"
}

fio_fetch() # DIR
{
	mkdir "$1/src"
	private_apt "$1/apt" "$(debian_source deb-src "$FIO_SUITE")"
	(cd "$1/src" && papt "$1/apt" source --download-only fio)
	tar -C "$1/src" --strip-components=1 -xf "$1"/src/fio_*.orig.tar.gz
}

fio_build() # DIR
{
	mkdir "$1/fio"
	# shellcheck disable=SC2086  # words on purpose
	(cd "$1/src" && ./configure $FIO_OPTIONS && make -j"$(nproc)" fio)
	strip -o "$1/fio/fio" "$1/src/fio"
}
