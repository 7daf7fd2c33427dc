# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: guests
# timeout: 900
#
# A guest whose QEMU gets the mdev as an open file: it then has no directory in sysfs by which QEMU could
# tell that it is an mdev, and is a PCI device for it.

. "$PAYLOAD/tests/system/guide.sh"

able qemu-iommufd "a guest with an mdev by IOMMUFD" || return 0
vfs_and_mdevs 2 u v
qemu_words

# by_fd UUID: the next QEMU inherits it as its file 9
by_fd()
{
	set -- "$MDEVS/$1/vfio-dev"/vfio*
	exec 9<>"/dev/vfio/devices/${1##*/}" || return 1
	GUEST_DEVICE=fd=9
}

no_fd()
{
	exec 9<&-
	GUEST_DEVICE=
}

boots_by_fd() # NAME UUID
{
	by_fd "$2" && guest_boot "$1" "$2"
	set -- $?
	no_fd
	return $1
}

migrates_by_fd() # FROM TO UUID
{
	by_fd "$3" && guest_migrate "$@"
	set -- $?
	no_fd
	return $1
}

GUEST_ARGS="-object iommufd,id=iommufd0" GUEST_VFIO=,iommufd=iommufd0
must "a guest boots with the mdev's open file" boots_by_fd g "$u"
qmp g '{"execute":"qom-get","arguments":{"path":"/machine/peripheral/dut","property":"sysfsdev"}}'
is "QEMU knows no directory of it" "$ANSWER" '{"return": ""}'
t "its copies go on" guest_goes_on g 200 60
is "each byte was right" "$ERRORS" 0
mig "nobody else can open the mdev" "$u" open=EBUSY
must "it migrates to another such" migrates_by_fd g h "$v"
t "the source's QEMU ends" guest_quit g
t "the copies go on" guest_goes_on h 200 60
is "each byte was right" "$ERRORS" 0
must "and to one that finds the mdev by its directory" guest_migrate h g "$u"
t "the copies go on" guest_goes_on g 200 60
is "each byte was right" "$ERRORS" 0
guest_quit h
guest_quit g

# ---- pages that the IOMMU finds dirty --------------------------------------------

# QEMU asks an IOMMU for them only for a PCI device. The emulated VT-d has no dirty bits
GUEST_VFIO=,iommufd=iommufd0,x-device-dirty-page-tracking=off
OPTION=$MIG_OPTION MIG_OPTION=enable-migration=auto
must "a guest boots whose QEMU must not ask the device for dirty pages" boots_by_fd g "$u"
qmp g '{"execute":"query-migrate"}'
like "QEMU finds no other that tells them, and says so" "$ANSWER" "doesn't support device and IOMMU dirty tracking"
guest_quit g
MIG_OPTION=$OPTION GUEST_ARGS='' GUEST_VFIO=''

# ---- a new QEMU in place of the old one (CPR) --------------------------------------------

# cpr FROM TO: a second QEMU on this host takes guest, memory and device over
cpr()
{
	c_main='"addr":{"transport":"socket","type":"unix","path":"'$WORK/main'"}'
	c_cpr='"addr":{"transport":"socket","type":"unix","path":"'$WORK/cpr'"}'
	guest_launch "$2" "$u" -incoming "unix:$WORK/main" -incoming '{"channel-type":"cpr",'"$c_cpr}" &&
		wait_for 30 [ -S "$WORK/cpr" ] &&
		qmp "$1" '{"execute":"migrate-set-parameters","arguments":{"mode":"cpr-transfer"}}' &&
		qmp "$1" '{"execute":"migrate","arguments":{"channels":[
			{"channel-type":"main",'"$c_main"'},{"channel-type":"cpr",'"$c_cpr"'}]}}'
}

cpr_has_failed()
{
	qmp "$1" '{"execute":"query-migrate"}' && case $ANSWER in *'"status": "failed"'*) ;; *) false ;; esac
}

if [ "$QEMU" -ge 11 ]; then
	GUEST_MACHINE=q35,memory-backend=ram0,aux-ram-share=on
	GUEST_ARGS="-object memory-backend-memfd,id=ram0,size=$GUEST_MEM,share=on -object iommufd,id=iommufd0"
	GUEST_VFIO=,iommufd=iommufd0 MIG_OPTION=enable-migration=off
	by_fd "$u"
	must "a guest boots whose memory another QEMU can take over" guest_boot g "$u"
	t "QEMU begins to hand its guest over to a second QEMU" cpr g h
	t "QEMU refuses that" wait_for 60 cpr_has_failed g
	like "for want of an operation of IOMMUFD" "$(cat "$GUESTS/g/log")" 'IOMMU_IOAS_CHANGE_PROCESS'
	no_fd
	t "the guest goes on" guest_goes_on g 50 60
	is "each byte was right" "$ERRORS" 0
	guest_quit g
	guests_kill
	GUEST_MACHINE=q35 MIG_OPTION=$OPTION GUEST_ARGS='' GUEST_VFIO=''
fi

# ---- as the guide has it ---------------------------------------------------------------

guide qemu-fd "s/6e0a5b2e-9d2a-4b0e-8f43-5b8e0d9a6f01/$u/"
exec 9<&-
t "the guide's guest copies" guest_wait guide 240 '^COPYLOAD copies=[1-9].*state=running'
guest_quit guide
no_mdevs_no_vfs
