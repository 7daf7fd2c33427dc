# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2086
# timeout: 600
#
# The KUnit suites of tests/kunit: one line for each case, and for each parameter of one.

SUITES="buffer dirty driver-pm files immediate precopy results sessions states unbounded unit v1 validate"
NVME_SUITES="engine migrate queue resources"

able kunit "the KUnit suites" || return 0

# results FILE: KTAP as ours, with what a failure has said. insmod does not tell, and what
# should be there and is not is a failure, too: numbers go from 1 to what was planned.
results()
{
	awk '
	function result(good, depth, text,   d, where) {
		for (d = 1; d <= depth; d++)
			where = where name[d] ": "
		sub(/^vfio-pci-engine-/, "", where)
		print (good ? "ok" : "not ok") " - " where text
	}
	function end_list(d) {
		if (plan[d] != "" && last[d] + 0 != plan[d])
			result(0, d, last[d] + 0 " results, not " plan[d])
		delete plan[d]
		delete last[d]
	}
	{ match($0, /^ */); depth = RLENGTH / 4; text = substr($0, RLENGTH + 1) }
	text ~ /^# Subtest: / { name[depth] = substr(text, 12); last[depth] = 0; said = ""; next }
	text ~ /^1\.\.[0-9]+$/ { plan[depth] = substr(text, 4); next }
	text ~ /^(not )?ok [0-9]+ / {
		good = $1 == "ok"
		number = good ? $2 : $3
		if (number != last[depth] + 1)
			result(0, depth, "result " number " follows " last[depth] + 0)
		last[depth] = number
		sum = (depth + 1) in last
		end_list(depth + 1)
		sub(/^(not )?ok [0-9]+ (- )?/, "", text)
		# Where a sum is good, its parts have said so
		if (!sum || !good)
			result(good, depth, text)
		if (!good)
			printf "%s", said
		said = ""
		next
	}
	said == "" { lines = 0 }
	++lines <= 20 { said = said "#   " $0 "\n" }
	END { for (d in plan) end_list(d) }' "$1"
}

t "the engine is not loaded" unload_all
must "the module is loaded" insmod "$TOOLS/mdev-pci-test.ko"
suites=$(printf 'vfio-pci-engine-%s\n' $SUITES; printf 'mdev-pci-nvme-%s\n' $NVME_SUITES)
is "there are just those suites" "$(cd /sys/kernel/debug/kunit && printf '%s\n' * | grep -E '^(vfio-pci-engine|mdev-pci-nvme)-')" \
	"$(echo "$suites" | LC_ALL=C sort)"
for suite in $suites; do
	file=/sys/kernel/debug/kunit/$suite/results
	t "there are results of $suite" is_there "$file" || continue
	results "$file"
done
t "the module is unloaded" rmmod mdev-pci-test
t "the engine is loaded again" load_all
