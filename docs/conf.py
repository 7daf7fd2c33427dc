# SPDX-License-Identifier: GPL-2.0-only
# sphinx-build -nW docs build/docs

project = "mdev-pci"
author = "The mdev-pci developers"
copyright = "The mdev-pci developers"
exclude_patterns = ["ABI"]
highlight_language = "none"
html_theme = "alabaster"
