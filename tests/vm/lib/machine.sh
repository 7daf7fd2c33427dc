# SPDX-License-Identifier: GPL-2.0-only
# L0's command line: the emulated server that L1 boots on.

# machine_args STACK-DIR SHARE RUN-DIR: sets ARGS. The root ports rp1 to rp4
# are for the devices under test; the rest of the board sits on pcie.0, out of
# their way. DEVICES is the list given with --device, LINK the word of --link, ROOT_IMAGE that of
# --root-image.
machine_args()
{
	local stack=$1 share=$2 run=$3 i=0 d kernel=$1/vmlinux

	[ -f "$kernel" ] || kernel=$stack/bzimage
	# shellcheck disable=SC2054 # the commas are QEMU's
	ARGS=(-L "$share" -nodefaults -no-user-config -display none -no-reboot
		-name "mdev-pci-L1,process=mdev-pci-L1"
		-M "q35,kernel-irqchip=split,sata=off,smbus=off,i8042=off,smm=off"
		-accel "tcg,thread=multi,tb-size=1024"
		-cpu max -smp 1 -m 3G
		-device intel-iommu,intremap=on,caching-mode=on
		-device isa-debug-exit,iobase=0x501,iosize=1
		-kernel "$kernel" -initrd "$stack/initrd"
		-append "console=ttyS0 loglevel=5 panic=-1 intel_iommu=on mitigations=off cryptomgr.notests tsc=reliable no_timer_check rcupdate.rcu_expedited=1 rcupdate.rcu_normal_after_boot=1 $APPEND"
		-drive "if=none,id=root,file=${ROOT_IMAGE:-$stack/root.erofs},format=raw,readonly=on,cache=unsafe"
		-device virtio-blk-pci,drive=root,addr=0x4
		-drive "if=none,id=payload,file=$run/payload.erofs,format=raw,readonly=on,cache=unsafe"
		-device virtio-blk-pci,drive=payload,addr=0x5
		-device virtio-serial-pci,max_ports=8,addr=0x6
		-device virtio-rng-pci,addr=0x7
		-virtfs "local,path=$run/share,mount_tag=share,security_model=none,multidevs=remap"
		-device pcie-root-port,id=rp1,chassis=1,slot=1,addr=0x10
		-device pcie-root-port,id=rp2,chassis=2,slot=2,addr=0x11
		-device pcie-root-port,id=rp3,chassis=3,slot=3,addr=0x12
		-device pcie-root-port,id=rp4,chassis=4,slot=4,addr=0x13)
	machine_monitor hmp l0.monitor readline "$run"
	machine_monitor qmp l0.qmp control "$run"
	[ -z "$LINK" ] || machine_link "${LINK%%:*}" "${LINK#*:}"
	for d in "${DEVICES[@]}"; do
		i=$((i + 1))
		case $d in
		*,bus=*) ARGS+=(-device "$d") ;;
		*) ARGS+=(-device "$d,bus=rp$i") ;;
		esac
	done
}

# QEMU cannot wire a monitor straight to a guest's port: both want to be the
# front end of a character device. So QEMU connects to itself by a socket.
machine_monitor() # ID PORT-NAME MODE RUN-DIR
{
	ARGS+=(-chardev "socket,id=$1-server,path=$4/$1.sock,server=on,wait=off"
		-mon "chardev=$1-server,mode=$3"
		-chardev "socket,id=$1-client,path=$4/$1.sock"
		-device "virtserialport,chardev=$1-client,name=$2")
}

# A wire to the other host of a pair. hostA listens, hostB calls until it is there.
machine_link() # NAME SOCKET
{
	local end=server=on mac=52:54:00:00:00:0a

	[ "$1" = hostA ] || end=server=off,reconnect-ms=300 mac=52:54:00:00:00:0b
	ARGS+=(-netdev "stream,id=link,$end,addr.type=unix,addr.path=$2"
		-device "virtio-net-pci,netdev=link,mac=$mac,addr=0x8,romfile=")
}
