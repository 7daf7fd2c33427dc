#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: calls.py DIR [--edges] [--most N]
       calls.py --homes DIR...
       calls.py DIR --path FUNCTION OPERATION [--most N]

Which C files of a directory call each other in a circle? Prints each group of files of which every
one reaches every other by calls (a strongly connected component), with the calls that close it, and
fails if one has more than N files (default: 1). Calls by pointer are no calls here: that is how a
layer calls what is above it. --edges: all calls between files, file by file. --homes: which file
defines each function: lines "NAME FILE" (tests/system/041-calls.t follows a trace through the files).

--path: the shortest way of calls from a function to one that calls an operation by pointer, such as
"ops->save"; fails if it has more than N functions.
"""
import argparse
import pathlib
import re

DEFINED = re.compile(r"^(?!static\b|#|/|\s|typedef\b|EXPORT|MODULE|DEFINE)[\w \t\*\n]*?\b(\w+)\([^;{}]*\)\n\{", re.M)
BODY = re.compile(DEFINED.pattern.replace(r"static\b|", "") + r"(.*?)^\}", re.M | re.S)
ANY = re.compile(DEFINED.pattern.replace(r"static\b|", ""), re.M)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:[^\"\\]|\\.)*\"", re.S)


def read(directory):
    """{file: its text without comments and strings}"""
    return {f.name: COMMENT.sub("", f.read_text()) for f in sorted(pathlib.Path(directory).glob("*.c"))
            if f.name not in ("have.c", "trace.c")}


def calls(sources):
    """{file: {other file: {functions}}}"""
    home = {name: file for file, text in sources.items() for name in DEFINED.findall(text)}
    edges = {file: {} for file in sources}
    for file, text in sources.items():
        for name in set(re.findall(r"\b(\w+)\(", text)):
            if home.get(name, file) != file:
                edges[file].setdefault(home[name], set()).add(name)
    return edges


def reached(edges, start):
    """files that can be reached from one"""
    seen, todo = set(), [start]
    while todo:
        for to in edges[todo.pop()]:
            if to not in seen:
                seen.add(to)
                todo.append(to)
    return seen


def circles(edges):
    """groups of files that reach each other"""
    reach = {file: reached(edges, file) for file in edges}
    groups = {frozenset(to for to in reach[file] if file in reach[to]) for file in edges if file in reach[file]}
    return sorted(groups, key=lambda g: (-len(g), sorted(g)))


def path(sources, start, operation):
    """functions from one to the first that calls an operation"""
    bodies = {(file, name): body for file, text in sources.items() for name, body in BODY.findall(text)}
    home = {name: file for file, text in sources.items() for name in DEFINED.findall(text)}
    ways = [[key] for key in bodies if key[1] == start]
    seen = {way[0] for way in ways}
    for way in ways:
        file = way[-1][0]
        body = bodies[way[-1]]
        if operation + "(" in body:
            return [name for _, name in way]
        for name in re.findall(r"\b(\w+)\(", body):
            key = (file, name) if (file, name) in bodies else (home.get(name), name)
            if key in bodies and key not in seen:
                seen.add(key)
                ways.append(way + [key])
    raise SystemExit(f"{start} does not reach {operation}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", nargs="+")
    parser.add_argument("--homes", action="store_true")
    parser.add_argument("--path", nargs=2)
    parser.add_argument("--edges", action="store_true")
    parser.add_argument("--most", type=int, default=1)
    args = parser.parse_args()
    if args.homes:
        for directory in args.dir:
            for file, text in read(directory).items():
                for name in ANY.findall(text):
                    print(name, file)
        return
    directory, = args.dir
    if args.path:
        way = path(read(directory), *args.path)
        print(len(way), " -> ".join(way))
        raise SystemExit(len(way) > args.most)
    edges = calls(read(directory))
    if args.edges:
        for file, to in edges.items():
            for other in sorted(to):
                print(f"{file} -> {other}: {' '.join(sorted(to[other]))}")
    found = circles(edges)
    for group in found:
        print(f"{directory}: {len(group)} files call each other in a circle: {' '.join(sorted(group))}")
        for file in sorted(group):
            for other in sorted(group & set(edges[file])):
                print(f"  {file} -> {other}: {' '.join(sorted(edges[file][other]))}")
    raise SystemExit(any(len(g) > args.most for g in found))


main()
