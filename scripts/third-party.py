#!/usr/bin/env python3
"""Prints the licences of the crates and of the libraries of the pages in the program, with their texts, which they demand of a copy.
scripts/dist.sh calls it.

    third-party.py <list of components in the form of CycloneDX> <output of cargo metadata>
"""

import collections
import json
import pathlib
import sys

NAMES = ("LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE")


def texts(folder):
    """The texts of licences in the folder of a crate."""
    files = (file for file in sorted(folder.iterdir()) if file.is_file() and file.name.upper().startswith(NAMES))
    return [file.read_text(errors="replace").strip() for file in files]


def libraries():
    """Name with version, licence, and text of each library of the pages, from the table of web/vendor."""
    vendor = pathlib.Path(__file__).parent.parent / "web/vendor"
    rows = (line.split("|") for line in (vendor / "README.md").read_text().splitlines() if line.startswith("| `"))
    found = {}
    for _, file, package, licence, *_ in rows:
        folder = file.strip().strip("`").split("/")[0]
        if folder in package:
            found[package.strip()] = (licence.strip(), (vendor / folder / "LICENSE.txt").read_text().strip())
    return sorted(found.items())


def main():
    components, metadata = (json.loads(pathlib.Path(file).read_text()) for file in sys.argv[1:])
    inside = {(component["name"], component["version"]) for component in components["components"]}
    crates = [crate for crate in metadata["packages"] if crate["source"] and (crate["name"], crate["version"]) in inside]
    crates.sort(key=lambda crate: (crate["name"], crate["version"]))
    if not crates:
        sys.exit("third-party: the list of components names no crate of a registry")
    print("Portcullis contains these crates and, at the end, libraries of its pages. Each has the licence that is named here; their texts follow.\n")
    users = collections.defaultdict(list)
    for crate in crates:
        name = f"{crate['name']} {crate['version']}"
        print(f"{name}: {crate['license'] or 'see the text'}")
        for text in texts(pathlib.Path(crate["manifest_path"]).parent):
            users[text].append(name)
    for name, (licence, text) in libraries():
        print(f"{name}: {licence}")
        users[text].append(name)
    for text, names in sorted(users.items(), key=lambda entry: entry[1]):
        print(f"\n{'=' * 100}\n{', '.join(names)}\n{'=' * 100}\n\n{text}")


if __name__ == "__main__":
    main()
