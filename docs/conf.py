# SPDX-License-Identifier: GPL-2.0-only
# sphinx-build -nW docs build/docs

import re

from docutils import nodes

project = "mdev-pci"
author = "The mdev-pci developers"
copyright = "The mdev-pci developers"
exclude_patterns = ["ABI"]
highlight_language = "none"
html_theme = "alabaster"
html_theme_options = {"page_width": "1180px", "sidebar_width": "240px"}
html_static_path = ["static"]
html_copy_source = False


def link_pages(app, doctree, docname):
    """Pages link to one another as PAGE.rst#SECTION, which forges follow; in HTML that is PAGE.html."""
    for link in doctree.findall(nodes.reference):
        match = re.fullmatch(r"([a-z0-9-]+)\.rst(#.*)?", link.get("refuri", ""))
        if match and match[1] in app.env.found_docs:
            link["refuri"] = app.builder.get_relative_uri(docname, match[1]) + (match[2] or "")


def setup(app):
    app.connect("doctree-resolved", link_pages)
