#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: shell.sh [boot.sh's OPTIONS]
#
# L1 with a root shell on this terminal, the modules known to modprobe and in
# /payload/modules. Options as boot.sh's, e.g. --stack, --device.
case ${1:-} in
--help | -h) sed -n '3,/^[^#]/{s/^# \{0,1\}//p;}' "$0"; exit ;;
esac
exec "$(dirname "$0")/boot.sh" --shell "$@"
