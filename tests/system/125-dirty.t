# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 200
# needs: firmware log
#
# Dirty pages: what the VF's DMA has written is reported, and nothing else.

W=IOMMUFD_DRIVER
log() # DESCRIPTION COMMANDS...
{
	l_desc=$1
	shift
	if l_out=$(within 60 vfio-log "$MDEVS/$u" "$@" 2>&1); then
		pass "$l_desc"
	else
		flunk "$l_desc" "$l_out"
	fi
}

refuses() # DESCRIPTION LOG-REGEX COMMANDS...
{
	r_desc=$1 r_regex=$2
	shift 2
	mark
	log "refused: $r_desc" "$@"
	[ -z "$r_regex" ] || logged_once "refused: $r_desc: the log says why" "$r_regex"
}

# Some lines appear once only
if can unload; then
	must "the modules are unloaded" unload_all
fi
REASON=
mark
must "the modules load" load_all
vfs_and_mdevs 2 v u
mdev_vf "$u"
fw_dir
description=$(cat "$PFDIR/mdev_supported_types/$DEV_TYPE/description")

# By what the kernel has, not by what we say of it
if ! grep -q ' iova_bitmap_set' /proc/kallsyms; then
	log "the kernel can't: the feature is not there" probe=ENOTTY \
		start:4096:0x20000000+0x100000=ENOTTY stop=ENOTTY \
		report:0x20000000:0x100000:4096:none=ENOTTY copy:0x20000000:100
	like "the description says so" "$description" \
		"^dirty page tracking by the device: no, the kernel is built without $W\$"
	logged_once "the log says so once" "$W"
	no_mdevs_no_vfs
	return 0
fi

like "the description says so" "$description" '^dirty page tracking by the device: yes$'
complains() { tool log "$SEQ" | grep -q "$W"; }
t "nothing in the log about what the kernel can't" not complains

LOW=0x20000000 HIGH=0x200000000
all="start:4096:$LOW+0x1000000,$HIGH+0x100000"
whole=report:$LOW:0x1000000:4096
tracking() { echo "sh:grep -qx 'tracker: $1' $FW/vf$VF"; }

log "exactly what was written, and only once" probe "$(tracking 0)" "$all" page:4096 \
	"$(tracking 1)" $whole:none \
	copy:$LOW:100 copy:0x20003ff0:32 copy:0x20007000:8192 copy:0x20fff000:4096 \
	$whole:0,3-4,7-8,4095 $whole:none report:$HIGH:0x100000:4096:none \
	copy:0x200042000:1 report:$HIGH:0x100000:4096:66 $whole:none stop "$(tracking 0)"
log "a part is reported, the rest stays dirty" "$all" copy:0x2000a000:1 copy:0x20014000:1 \
	report:0x2000a000:0x1000:4096:0 $whole:20 $whole:none
log "what was written before the start is clean" copy:$LOW:65536 "$all" $whole:none
log "what is written outside is not reported" start:4096:$LOW+0x10000 copy:0x20010000:65536 \
	report:$LOW:0x10000:4096:none
log "completions are writes too, reads are not" start:4096:0x10000000+0x100000 copy:$LOW:100 \
	report:0x10000000:0x100000:4096:16
log "many dirty pages are all reported" "$all" copy:$LOW:500000 copy:0x20200000:700000 $whole:0-122,512-682
log "reported by larger pages than logged" "$all" copy:0x20011000:1 \
	report:$LOW:0x1000000:65536:1
log "logged by larger pages than reported" start:65536:$LOW+0x1000000 page:65536 \
	copy:0x20011000:1 $whole:16-31 $whole:none
log "a page of the log in parts: the rest stays dirty" start:65536:$LOW+0x1000000 copy:0x20011000:1 \
	report:0x20012000:0x2000:4096:0-1 report:0x20012000:0x2000:4096:none \
	report:0x20010000:0x10000:4096:0-1,4-15 $whole:none
log "parts of two pages, at the ends of a range" start:65536:$LOW+0x1000000 copy:0x20018000:1 \
	copy:0x20058000:1 report:0x2001f000:0x32000:4096:0,49 $whole:16-30,81-95 $whole:none
log "a page size below the tracker's" start:1:0x20000001+0x10 page:4096 copy:$LOW:1 \
	report:$LOW:0x1000:4096:0
log "a page size above the tracker's" start:0x80000000:0+0x80000000 page:0x40000000
log "1 TiB in pages of 64 KiB" start:65536:0+0x10000000000 report:0:0x10000000000:65536:any \
	copy:$LOW:65537 copy:$HIGH:1 report:0:0x10000000000:65536:4097,8192-8193,131072
log "100 ranges, more than the tracker's" many:4096:$LOW:0x10000:0x20000:100 \
	copy:$LOW:1 copy:0x20c6f000:1 report:$LOW:0x10000:4096:0 \
	report:0x20c60000:0x10000:4096:15 report:0x20020000:0x10000:4096:none
log "a log of 256 ranges has the pages of all" many:4096:$LOW:0x1000:0x2000:256 report:0x201fe000:0x1000:4096:none
log "ranges that touch are one" start:4096:$LOW+0x10000,0x20010000+0x10000 copy:0x2000fff0:32 \
	report:$LOW:0x20000:4096:15-16

refuses "a second start" 'logging is already on' "$all" "$all=EBUSY" copy:$LOW:1 $whole:0
refuses "stop without start" 'logging is off' stop=EINVAL
refuses "a second stop" 'logging is off' "$all" stop stop=EINVAL
refuses "report without start" 'logging is off' $whole:none=EINVAL
refuses "report after stop" 'logging is off' "$all" copy:$LOW:1 stop $whole:none=EINVAL
log "started again, it is clean" "$all" copy:$LOW:1 stop "$all" $whole:none
refuses "a page size that is no power of two" 'not a power of 2' start:12288:0+0x1000=EINVAL
refuses "no page size" 'not a power of 2' start:0:0+0=EINVAL
refuses "an empty range" 'a range is empty' start:4096:$LOW+0=EINVAL
refuses "an empty range at 0" 'a range is empty' start:4096:0+0=EINVAL
refuses "an unaligned range" '' start:4096:0x20000100+0x1000=EINVAL
refuses "ranges that overlap" '' start:4096:$LOW+0x2000,0x20001000+0x1000=EINVAL
refuses "a range behind the end" '' start:4096:0xfffffffffffff000+0x2000=EOVERFLOW
refuses "too many ranges for the uapi" '' many:4096:$LOW:0x1000:0x2000:257=E2BIG
refuses "too many pages" "can't log 67108864 pages of 4 KiB" start:4096:0+0x4000000000=ENOSPC \
	"$all" $whole:none
refuses "all of the address space" "can't log" start:1:0+0xfffffffffffffffe=ENOSPC
refuses "a report outside" 'the range is not logged' "$all" copy:$LOW:1 \
	report:0x21000000:0x1000:4096:none=EINVAL $whole:0
refuses "a report that begins inside" 'the range is not logged' "$all" copy:0x20fff000:1 \
	report:0x20fff000:0x2000:4096:none=EINVAL $whole:4095
refuses "a report across the gap" 'the range is not logged' "$all" \
	report:$LOW:0x1e0100000:4096:none=EINVAL
refuses "a report of a part of 4 KiB" 'whole 4 KiB pages' "$all" copy:$LOW:1 \
	report:0x20000800:0x1000:4096:none=EINVAL $whole:0

log "a reset ends it" "$all" copy:$LOW:1 reset "$(tracking 0)" $whole:none=EINVAL stop=EINVAL \
	"$all" $whole:none copy:0x20001000:1 $whole:1
log "closing ends it" "$all" "$(tracking 1)"
log "the next user finds no log" "$(tracking 0)" $whole:none=EINVAL

inject_() { echo "sh:echo '$VF $*' >$FW/inject"; }
refuses "firmware's short bitmap" 'the log is lost' "$all" "$(inject_ tracker_report short 1)" \
	$whole:none=EIO $whole:none
refuses "firmware's refusal to start" 'does not log' "$(inject_ tracker_start fail 8)" \
	"$all=ENOSPC" "$(tracking 0)" "$all" $whole:none
refuses "firmware's refusal to report" 'does not report' "$all" \
	"$(inject_ tracker_report fail 11)" $whole:none=EIO copy:$LOW:1 $whole:0
fw_timeout 300
log "no answer to a stop: the next start copes" "$all" copy:$LOW:1 \
	"$(inject_ tracker_stop silent)" stop=ETIMEDOUT $whole:none=EINVAL "$all" $whole:none \
	copy:0x20001000:1 $whole:1 "$(tracking 1)"
log "no answer to a start" "$(inject_ tracker_start silent)" "$all=ETIMEDOUT" \
	$whole:none=EINVAL "$all" $whole:none
fw_timeout 5000
mig "logging and migration do not touch each other" "$u" dma:5 set:STOP_COPY "read:$WORK/x" \
	set:RUNNING dma:5
no_mdevs_no_vfs
