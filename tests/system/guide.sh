# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
#
# The commands of the guides in docs/, so that tests run them as they stand there. The comment
#
#   .. try: NAME
#
# in a page names the literal block of the paragraph behind it; no two pages use one name. Each of its lines is a command
# ("\" at the end: it goes on); where some begin with "# " or "(qemu) " only these are, and the
# lines below one are what it prints: "..." is anything, and in a line of its own any number of
# lines. QEMU is that of the guest "guide": "(qemu)" is its monitor, and "qemu-system-x86_64 ..."
# brings what else it needs. Needs tap.sh and guest.sh.

: "${GUIDE:=$PAYLOAD/docs}"

# guide_lines NAME: "$ COMMAND" and "> OUTPUT", as the block has them
guide_lines()
{
	awk -v name="$1" '
		function indent(line) { match(line, /^ */); return RLENGTH }
		function flush(    i, prompts) {
			for (i = 1; i <= n; i++)
				prompts += block[i] ~ /^(# |\(qemu\) )/
			for (i = 1; i <= n; i++) {
				if (!prompts) {
					printf "%s", part ? "" : "$ "
					part = sub(/ *\\$/, " ", block[i])
					printf "%s%s", block[i], part ? "" : "\n"
				} else if (sub(/^# /, "", block[i])) {
					print "$ " block[i]
				} else if (sub(/^\(qemu\) /, "", block[i])) {
					gsub(/\047/, "\047\\\047\047", block[i])
					print "$ guide_monitor \047" block[i] "\047"
				} else {
					print "> " block[i]
				}
			}
			n = 0
		}
		FNR == 1 { flush(); inside = wanted = 0 }
		inside && NF && (inner ? indent($0) < inner : indent($0) <= outer) {
			flush()
			inside = wanted = 0
		}
		$1 == ".." && $2 == "try:" { wanted = $3 == name }
		wanted && !inside && /::$/ { inside = 1; outer = indent($0); inner = blank = 0; next }
		!inside { next }
		!NF { blank++; next }
		{
			if (!inner)
				inner = indent($0)
			else
				while (blank-- > 0)
					block[++n] = ""
			blank = 0
			block[++n] = substr($0, inner + 1)
		}
		END { flush() }' "$GUIDE"/*.rst
}

# guide NAME [SED-SCRIPT]: each command is an assertion, and what it prints another one. The script
# is for what the page can't know, such as which files there are here. A command that changes the
# directory does so up to the end of its block
guide()
{
	u_name=$1 u_script=${2:-} u_from=$PWD u_command='' u_wanted=''
	guide_lines "$1" >"$WORK/guide"
	[ -s "$WORK/guide" ] || flunk "guide: there are commands '$1'"
	while IFS= read -r u_line <&7; do
		case $u_line in
		'$ '*)
			guide_step
			u_command=${u_line#'$ '} u_wanted=''
			;;
		*)
			u_wanted="$u_wanted${u_line#'> '}
"
			;;
		esac
	done 7<"$WORK/guide"
	guide_step
	cd "$u_from" || return 1
}

guide_step()
{
	[ -n "$u_command" ] || return 0
	t "guide, $u_name: $(echo "$u_command" | sed 's/  *# .*//')" \
		guide_do "$(printf '%s\n' "$u_command" |
			sed -e 's/^qemu-system-x86_64 \.\.\. /guest_qemu guide /' -e "$u_script")"
	[ -z "$u_wanted" ] || guide_compare "guide, $u_name: it prints that" "$(cat "$WORK/t.out")" "$u_wanted"
}

# What goes wrong in the monitor is only told in words
guide_monitor()
{
	wait_for 60 qmp_up guide && qmp guide \
		'{"execute":"human-monitor-command","arguments":{"command-line":"'"$1"'"}}' || return 1
	ANSWER=$(echo "$ANSWER" | jq -r .return)
	echo "$ANSWER"
	case $ANSWER in
	*Error:* | *'unknown command'*) fail "QEMU's monitor: $ANSWER" ;;
	esac
}

# Nobody answers questions
guide_do() { eval "$1" </dev/null; }

guide_compare() # DESCRIPTION OUTPUT WANTED
{
	g_pattern=$(printf '%s' "$3" | sed -e 's/[][*?\\]/\\&/g' -e 's/\.\.\./*/g' |
		awk '{ printf "%s%s", $0, $0 == "*" ? "" : "\n" }')
	# shellcheck disable=SC2254 # a pattern
	case $2 in
	$g_pattern) pass "$1" ;;
	*) flunk "$1" "printed:
$2
wanted:
$3" ;;
	esac
}
