#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: run.sh
#
# Checks the documents as HTML made by Sphinx. It follows each local link and anchor, and loads each
# page in a real browser (Debian's chromium): all pictures must load, and nothing may be cut off.
# Screenshots of each page, light and dark, are in build/docs-screenshots. TAP; the last line is "N
# passed, N failed".
set -e
# shellcheck source=../vm/lib/common.sh
. "$(dirname "$0")/../vm/lib/common.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/lib/tap.sh"

case ${1:-} in
--help | -h) usage ;;
?*) usage 2 >&2 ;;
esac
need_root
need_host python3 python3-sphinx chromium fonts-dejavu-core
cd "$REPO_DIR"
here=tests/docs
server=
work=$(mktemp -d)
shots=$REPO_DIR/build/docs-screenshots
trap leave EXIT

leave()
{
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	rm -rf "$work"
}

tell() { head -n 60 "$work/out"; }

t() # NAME COMMAND...
{
	local name=$1 rc=0

	shift
	"$@" >"$work/out" 2>&1 </dev/null || rc=$?
	verdict "$name" $rc
	return $rc
}

# Its own home: a profile that someone uses is left alone
browser() # ARGUMENTS...
{
	timeout -k 5 120 env HOME="$work" chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
		--user-data-dir="$work/profile" --hide-scrollbars "$@" 2>"$work/browser.log"
}

serve()
{
	cp $here/look.html "$work/html/"
	python3 -u -m http.server --bind 127.0.0.1 --directory "$work/html" 0 >"$work/server.log" 2>&1 &
	server=$!
	for _ in $(seq 100); do
		port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$work/server.log")
		[ -z "$port" ] || return 0
		sleep 0.1
	done
	cat "$work/server.log"
	return 1
}

# What look.html has found; it comes to its end
looks()
{
	browser --virtual-time-budget=60000 --dump-dom "http://127.0.0.1:$port/look.html?$(paste -sd, "$work/pages")" \
		>"$work/dom" || { cat "$work/browser.log"; return 1; }
	sed -n '/<pre id="found">/,/<\/pre>/p' "$work/dom" | sed 's/<[^>]*>//g' >"$work/found"
	grep -v '^looked at \|^end$\|^$' "$work/found" && return 1
	grep -qx end "$work/found" &&
		[ "$(grep -c '^looked at ' "$work/found")" = "$(wc -l <"$work/pages")" ] || { cat "$work/found"; return 1; }
}

# A page without its heading would be one colour, and a small file
shoot() # light|dark
{
	local p dark=()

	[ "$1" = light ] || dark=(--force-dark-mode)
	while IFS= read -r p; do
		browser "${dark[@]}" --window-size=1200,1600 --screenshot="$shots/${p%.html}-$1.png" \
			"http://127.0.0.1:$port/$p" && [ "$(stat -c %s "$shots/${p%.html}-$1.png")" -gt 20000 ] ||
			{ echo "$p"; tail -n 5 "$work/browser.log"; return 1; }
	done <"$work/pages"
}

# The same picture in both: then one of them cannot be read
differ() { ! cmp "$shots/concepts-light.png" "$shots/concepts-dark.png"; }

if t "Sphinx builds HTML without a warning" sphinx-build -qnW docs "$work/html"; then
	t "each local link leads to a page, and each anchor is there" python3 $here/links.py "$work/html" \
		README.md CONTRIBUTING.md tests/vm/README.md || true
	(cd "$work/html" && printf '%s\n' *.html | grep -vxE '(genindex|search|look).html') >"$work/pages"
	rm -rf "$shots"
	mkdir -p "$shots"
	if t "the pages are served" serve; then
		t "a browser shows each page, with its pictures, and cuts nothing off" looks || true
		t "screenshots, light" shoot light || true
		t "screenshots, dark" shoot dark || true
		t "pictures of a page are others in the dark" differ || true
		echo "# $(wc -l <"$work/pages") pages; screenshots are in $shots"
	fi
fi
verdicts
