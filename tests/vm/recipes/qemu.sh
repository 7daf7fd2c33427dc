# SPDX-License-Identifier: GPL-2.0-only
# L0's QEMU. "qemu" is Debian's source built once, unpatched, kept as objects
# and headers; "qemu-dev" is its last link repeated with our device models.

QEMU_SUITE=trixie
QEMU_TOOLS_SUITE=bookworm-backports # meson >= 1.5; the rest is this system's
QEMU_HOST="gcc libc6-dev libglib2.0-dev libpixman-1-dev libslirp-dev libattr1-dev
	libcap-ng-dev libfdt-dev zlib1g-dev"

qemu_key()
{
	hash_of "$VM_DIR/recipes/qemu.mak" "$QEMU_SUITE" \
		"$(declare -f qemu_fetch qemu_configure qemu_compile qemu_prune)"
}
qemu_dir() { artefact_dir qemu "$(qemu_key)"; }

qemu_base()
{
	artefact qemu "$(qemu_key)" qemu_make
}

qemu_make()
{
	local dir=$1

	need_host $QEMU_HOST ninja-build pkg-config python3 python3-venv \
		flex bison patch xz-utils
	step "QEMU's source from $QEMU_SUITE" -- qemu_fetch "$dir"
	step "QEMU's configure" -- qemu_configure "$dir"
	step "QEMU's build (about 400 s of CPU)" -- qemu_compile "$dir"
	step "QEMU: keep what a link needs" -- qemu_prune "$dir"
}

qemu_fetch()
{
	local dir=$1 patch

	private_apt "$dir/apt" "$(debian_source deb-src $QEMU_SUITE)" \
		"$(debian_source deb $QEMU_SUITE)" "$(debian_source deb $QEMU_TOOLS_SUITE)"
	mkdir "$dir/dl" "$dir/src" "$dir/share"
	(
		cd "$dir/dl"
		papt "$dir/apt" source --download-only "qemu/$QEMU_SUITE"
		papt "$dir/apt" download "meson/$QEMU_TOOLS_SUITE" \
			"qemu-system-data/$QEMU_SUITE" "seabios/$QEMU_SUITE"
	)
	tar -C "$dir/src" --strip-components=1 -xf "$dir"/dl/qemu_*.orig.tar.xz
	tar -C "$dir/src" -xf "$dir"/dl/qemu_*.debian.tar.xz
	while read -r patch; do
		case $patch in '' | \#*) continue ;; esac
		patch -s -d "$dir/src" -p1 <"$dir/src/debian/patches/$patch"
	done <"$dir/src/debian/patches/series"
	dpkg-deb -x "$dir"/dl/meson_*.deb "$dir/meson"
	dpkg-deb -x "$dir"/dl/qemu-system-data_*.deb "$dir/data"
	dpkg-deb -x "$dir"/dl/seabios_*.deb "$dir/data"
	# Firmware: Debian's source has no blobs, its packages have.
	cp "$dir"/data/usr/share/seabios/bios*.bin \
		"$dir"/data/usr/share/qemu/{pvh.bin,qboot.rom,kvmvapic.bin,linuxboot_dma.bin} \
		"$dir/share/"
}

qemu_configure()
{
	local dir=$1

	cp "$VM_DIR/recipes/qemu.mak" "$dir/src/configs/devices/x86_64-softmmu/mdev-pci.mak"
	mkdir "$dir/src/build"
	cd "$dir/src/build"
	PYTHONPATH=$dir/meson/usr/lib/python3/dist-packages ../configure \
		--python=/usr/bin/python3 --target-list=x86_64-softmmu \
		--without-default-features --without-default-devices \
		--with-devices-x86_64=mdev-pci --enable-tcg --enable-kvm \
		--enable-slirp --enable-virtfs --enable-attr --enable-fdt=system \
		--enable-pie --disable-docs --disable-tools --disable-werror \
		--disable-download --disable-install-blobs --disable-debug-info
}

qemu_compile()
{
	cd "$1/src/build"
	PYTHONPATH=$1/meson/usr/lib/python3/dist-packages \
		ninja -d keeprsp qemu-system-x86_64
}

# The two commands that qemu_dev repeats are kept with %ROOT% for the source
# tree's place, since the tree is moved once it is whole.
qemu_prune()
{
	local dir=$1

	cd "$dir/src/build"
	python3 - "$dir/src" >../cc.cmd <<-'EOF'
		import json, re, sys
		cmds = [c["command"] for c in json.load(open("compile_commands.json"))
		        if c["file"].endswith("hw/pci/pcie_sriov.c")]
		cmd = re.sub(r" -M[QF] \S+| -o \S+| -c \S+| -MD", "", cmds[0])
		print(cmd.replace(sys.argv[1], "%ROOT%"))
	EOF
	sed "s,$dir/src,%ROOT%,g" qemu-system-x86_64.rsp >../link.rsp
	cd ..
	find . -type f ! -name '*.h' ! -name '*.h.inc' ! -name '*.c.inc' ! -name '*.inc' \
		! -name '*.o' ! -name '*.a' ! -name '*.fa' ! -name '*.syms' ! -name '*.def' \
		! -name '*.cmd' ! -name '*.rsp' ! -name qemu-system-x86_64 -delete
	rm -rf tests docs roms build/pyvenv build/tests
	find . -xtype l -delete
	find . -type d -empty -delete
	rm -rf "$dir/apt" "$dir/dl" "$dir/data" "$dir/meson"
}

qemu_dev_sources()
{
	find "$REPO_DIR/tests/qemu" -maxdepth 1 -name '*.[ch]' 2>/dev/null | sort
}

qemu_dev_key()
{
	# shellcheck disable=SC2046 # one word a file
	hash_of "$(qemu_key)" "$(declare -f qemu_dev_link)" $(qemu_dev_sources)
}
qemu_dev_dir() { artefact_dir qemu-dev "$(qemu_dev_key)"; }

# The binary that boot.sh runs.
qemu_dev()
{
	qemu_base
	artefact qemu-dev "$(qemu_dev_key)" qemu_dev_make
}

qemu_dev_make()
{
	need_host $QEMU_HOST
	step "QEMU's link with tests/qemu" -- qemu_dev_link "$1"
}

qemu_dev_link()
{
	local dir=$1 root=$(qemu_dir)/src src obj objs= jobs=

	cd "$root/build"
	for src in $(qemu_dev_sources); do
		case $src in *.h) continue ;; esac
		obj=$dir/$(basename "$src" .c).o
		objs="$objs $obj"
		$(sed "s,%ROOT%,$root,g" ../cc.cmd) -g -I "$REPO_DIR/tests/qemu" \
			-Wall -Werror -fno-diagnostics-color -c "$src" -o "$obj" &
		jobs="$jobs $!"
	done
	for src in $jobs; do
		wait "$src"
	done
	{
		sed "s,%ROOT%,$root,g" ../link.rsp | sed 's,-o qemu-system-x86_64,,'
		printf "\n%s" "-o $dir/qemu-system-x86_64" $objs
	} >"$dir/link.rsp"
	cc -m64 "@$dir/link.rsp"
	rm -f $objs
}
