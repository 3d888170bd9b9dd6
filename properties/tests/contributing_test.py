"""Holds CONTRIBUTING.md to the tree: every path exists and has the text that stands in brackets after it, every
#include is one that the table of the rooms allows, and every source is formatted as it says.

Usage: contributing_test.py ROOT [unittest options]
"""

import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path()
# Where an include is looked for, after the folder of the file that has it.
INCLUDE_FOLDERS = ["properties", "properties/include", "oracle/include", "oracle/src", "impl/include", "impl/src",
                   "fuzz"]
# A library by its name in the table, and what its headers start with.
LIBRARIES = {"Highway": "hwy/", "OpenMP": "omp.h", "Boost": "boost/", "nlohmann": "nlohmann/",
             "RapidCheck": "rapidcheck", "CLI11": "CLI/"}
# Those that cost seconds per file.
HEAVY = {"Boost", "nlohmann", "RapidCheck", "CLI11"}


def page():
    return (ROOT / "CONTRIBUTING.md").read_text()


class Rooms:
    """The table: what each room may include."""

    def __init__(self):
        self.allowed = {}  # room: rooms, files and libraries
        for row in re.findall(r"(?m)^\| `(\S+/)` \|([^|]*)\|", page()):
            room, text = row
            direct = set(re.findall(r"`([^`]+)`", text)) | {name for name in LIBRARIES if name in text}
            if "all of these" in text:
                direct |= set(self.allowed).union(*self.allowed.values())
            self.allowed[room] = {room} | direct
            for used in direct & set(self.allowed):
                self.allowed[room] |= self.allowed[used] - set(LIBRARIES)

    def of(self, path):
        """None for what is in no room: tests, benchmarks."""
        parts = path.split("/")
        if "tests" in parts or "bench" in parts or "examples" in parts:
            return None
        return max((room for room in self.allowed if path.startswith(room)), key=len, default=None)


def sources():
    """Path and what it includes: a path of ours, or else the words between the quotes."""
    all_of_them = {}
    for room in {room.split("/")[0] for room in Rooms().allowed}:
        for file in sorted((ROOT / room).rglob("*.[ch]pp")):
            folders = [file.parent, *(ROOT / folder for folder in INCLUDE_FOLDERS)]
            includes = []
            for words in re.findall(r'(?m)^#include ["<]([^">]+)[">]', file.read_text()):
                found = [folder / words for folder in folders if (folder / words).is_file()]
                includes.append(str(found[0].relative_to(ROOT)) if found else words)
            all_of_them[str(file.relative_to(ROOT))] = includes
    return all_of_them


def library_of(include):
    return next((name for name, start in LIBRARIES.items() if include.startswith(start)), None)


class Contributing(unittest.TestCase):
    def test_every_path_exists(self):
        paths = re.findall(r"`([\w.]+/[\w./]*|[A-Z]+\.md)`", page())
        self.assertGreater(len(paths), 30)
        for path in paths:
            self.assertTrue((ROOT / path).exists(), path)

    def test_what_the_lists_name_is_there(self):
        text = page()
        anchors = re.findall(r"`([\w./]+)` \[([^\]]+)\]", text[text.index("## How to add"):])
        self.assertGreater(len(anchors), 25)
        for path, text in anchors:
            self.assertIn(text, (ROOT / path).read_text(), path)


class Includes(unittest.TestCase):
    def setUp(self):
        self.rooms = Rooms()
        self.sources = sources()
        self.assertGreater(len(self.rooms.allowed), 10)
        self.assertGreater(len(self.sources), 200)

    def test_a_row_allows_only_rows_above_it(self):
        above = set()
        for room, allowed in self.rooms.allowed.items():
            names = {name for name in allowed if name.endswith("/")} - {room}
            self.assertLessEqual(names, above, room)
            above.add(room)

    def test_no_include_leaves_its_row(self):
        wrong = []
        for path, includes in self.sources.items():
            room = self.rooms.of(path)
            for include in includes if room else []:
                used = library_of(include) or self.rooms.of(include)
                if used and not {used, include} & self.rooms.allowed[room]:
                    wrong.append(f"{path} includes {include}, but `{room}` may not use {used}")
        self.assertEqual(wrong, [])

    def test_rapidcheck_stands_behind_one_file(self):
        users = [path for path, includes in self.sources.items() if "RapidCheck" in map(library_of, includes)]
        self.assertEqual(users, ["properties/search/random_cases.cpp"])

    def test_heavy_libraries_stay_in_their_rooms(self):
        heavy = {path for path, includes in self.sources.items() if HEAVY & {library_of(name) for name in includes}}
        while more := {path for path, includes in self.sources.items() if heavy & set(includes)} - heavy:
            heavy |= more
        wrong = [f"{path} includes {include}, which includes a heavy library"
                 for path, includes in self.sources.items() for include in includes
                 if include in heavy and self.rooms.of(path) not in (None, self.rooms.of(include))]
        self.assertEqual(wrong, [])


class Format(unittest.TestCase):
    def test_sources_are_formatted(self):
        formatter = re.search(r"Format C\+\+ with `([\w-]+)`", page()).group(1)
        if not shutil.which(formatter):
            self.skipTest(f"{formatter} is not installed")
        files = [file for room in ("impl", "oracle", "properties", "fuzz") for kind in ("*.[ch]", "*.[ch]pp")
                 for file in (ROOT / room).rglob(kind)]
        self.assertGreater(len(files), 400)
        result = subprocess.run([formatter, "--dry-run", "--Werror", *files], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr[:2000])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    ROOT = Path(sys.argv.pop(1))
    unittest.main()
