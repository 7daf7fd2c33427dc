#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: links.py HTML-DIRECTORY [MARKDOWN-FILE...]

Prints each local link that leads nowhere: a file that is not there, or an anchor that the page does not
have; and each picture without a text for those who cannot see it. A Markdown file's link to an anchor of a
page's source is looked up in the HTML of that page. Status 1 if there is one, or no link at all. Links to
other hosts are not followed.
"""

import html.parser
import os
import re
import sys
import urllib.parse


class Page(html.parser.HTMLParser):
    """The ids, links and pictures of one HTML page."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.no_alt = set(), [], []
        with open(path, encoding="utf-8") as file:
            self.feed(file.read())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids.update(attrs[key] for key in ("id", "name") if attrs.get(key))
        if tag == "img" and not attrs.get("alt"):
            self.no_alt.append(attrs.get("src"))
        if tag in ("a", "img", "link", "script"):
            link = attrs.get("href") or attrs.get("src")
            if link:
                self.links.append(link)


def slug(heading):
    """The anchor that forges give a heading of Markdown."""
    text = re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", ""))
    return text.replace(" ", "-")


def markdown(path):
    """The ids and links of a Markdown file."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    ids = {slug(heading) for heading in re.findall(r"^#+ +(.*)$", text, re.M)}
    return ids, re.findall(r"\]\(([^)\s]+)\)", text), re.findall(r"!\[\]\(([^)]*)\)", text)


def rendered(target, html_dir):
    """The HTML page of a page's source; any other path as it is."""
    name, ext = os.path.splitext(os.path.basename(target))
    return os.path.join(os.path.normpath(html_dir), name + ".html") if ext == ".rst" else target


def main(words):
    if len(words) < 1:
        print(__doc__)
        return 2
    pages = {}
    for where, _, names in os.walk(words[0]):
        for name in names:
            if name.endswith(".html"):
                path = os.path.normpath(os.path.join(where, name))
                page = Page(path)
                pages[path] = (page.ids, page.links, page.no_alt)
    for path in words[1:]:
        pages[os.path.normpath(path)] = markdown(path)
    bad = total = 0
    for path, (_, links, no_alt) in sorted(pages.items()):
        for src in no_alt:
            print(f"{path}: picture {src} has no text")
            bad += 1
        for link in links:
            scheme, host, rest, _, anchor = urllib.parse.urlsplit(link)
            if scheme or host:
                continue
            total += 1
            target = os.path.normpath(os.path.join(os.path.dirname(path), rest)) if rest else path
            if not os.path.exists(target):
                print(f"{path}: {link}: there is no {target}")
                bad += 1
            elif anchor:
                page = pages.get(rendered(target, words[0]))
                if page and urllib.parse.unquote(anchor) not in page[0]:
                    print(f"{path}: {link}: {target} has no such anchor")
                    bad += 1
    if not total:
        print("no link found")
    return 1 if bad or not total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
