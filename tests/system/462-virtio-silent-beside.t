# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2046,SC2154
# boot: virtiosilent
# timeout: 200
# complains: INFO: task .* blocked
# wrecks: a task of upstream's driver may stay in the kernel for ever, and then the PF's driver, too
#
# A PF that does not answer the command $SILENT, with our module and then with upstream's virtio_vfio_pci. Of
# upstream's it is only told. The line "# row: ..." is for docs/virtio-side-by-side.rst (tests/bench/virtio.sh).
. "$PAYLOAD/tests/system/snap.sh"

must "the model is there" find_snap
able dev-parts "a PF that does not answer, with two drivers" || { echo "##done"; exit 0; }
TYPE=virtio-pci-vf
cmd=${SILENT:-mode-set}
unbind_pf="echo $PF >/sys/bus/pci/drivers/virtio-pci/unbind"

# What makes the driver send the command
words() # ours|upstream
{
	case $cmd in
	mode-set) echo set:STOP ;;
	parts-set) echo set:STOP set:RESUMING "write:$WORK/s.$1" ;;
	*) echo set:STOP set:STOP_COPY "read:$WORK/x" ;;
	esac
}

in_kernel() # PID
{
	read -r d_line 2>/dev/null <"/proc/$1/stat" || return 1
	case ${d_line##*) } in D*) ;; *) return 1 ;; esac
}

must "our module is loaded, and waits 2 s" load mdev-pci-virtio timeout_ms=$((2000 * ${PATIENCE:-1}))
must "the PF is a parent" wait_for 20 is_there "$PFDIR/mdev_supported_types/$TYPE/create"
vfs_and_mdevs 1 u
mig "ours: a state to load" "$u" set:STOP_COPY "read:$WORK/s.ours" set:RUNNING
t "$cmd: the PF will not answer" snap_inject any "$cmd" silent
within 60 vfio-mig "$MDEVS/$u" $(words ours) >"$WORK/out" 2>&1
ours=$(tail -n 1 "$WORK/out" | sed 's/^vfio-mig: //; s/, expected success//; s|/tmp/[^ ]*/|.../|g')
like "$cmd: ours tells the user" "$ours" 'ETIMEDOUT'
must "ours: the PF is unbound, which ends the command" within 60 sh -c "$unbind_pf"
must "the PF is bound again" write_to /sys/bus/pci/drivers/virtio-pci/bind "$PF"
must "the PF is a parent again" wait_for 20 is_there "$PFDIR/mdev_supported_types/$TYPE/create"
snap_inject clear
vfs_and_mdevs 1 u
mig "ours: the VF can be used" "$u" set:STOP_COPY "read:$WORK/x" set:RUNNING
no_mdevs_no_vfs
t "our module goes" unload mdev-pci-virtio

must "upstream's driver is loaded" upstream_load
must "a VF exists" bound_vfs 1
vf_bdf 0
must "upstream's driver binds it" bind_to "$BDF" virtio_vfio_pci
mig_pci "upstream: a state to load" "$BDF" set:STOP_COPY "read:$WORK/s.upstream" set:RUNNING
t "$cmd: the PF will not answer" snap_inject any "$cmd" silent
vfio-mig "/sys/bus/pci/devices/$BDF" $(words upstream) >"$WORK/out" 2>&1 &
user=$!
sleep 15
kill -KILL $user 2>/dev/null
sleep 2
if in_kernel $user; then
	theirs="the task is in state D; SIGKILL does not end it"
	sh -c "$unbind_pf; echo >$WORK/unbound" &
	wait_for 10 is_there "$WORK/unbound" || theirs="$theirs; unbinding the PF does not return"
else
	theirs=$(tail -n 1 "$WORK/out")
fi
echo "# row: $cmd is not answered | $ours; unbinding the PF ends the command | $theirs"
