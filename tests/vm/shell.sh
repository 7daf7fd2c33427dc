#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: shell.sh [OPTIONS OF boot.sh]
#
# Boots L1 and opens a root shell in it on this terminal. The modules are in /payload/modules and
# known to modprobe. The options are those of boot.sh, such as --stack and --device.
case ${1:-} in
--help | -h) sed -n '3,/^[^#]/{s/^# \{0,1\}//p;}' "$0"; exit ;;
esac
exec "$(dirname "$0")/boot.sh" --shell "$@"
