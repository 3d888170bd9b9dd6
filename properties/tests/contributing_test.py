"""Checks CONTRIBUTING.md against the sources: every path exists, and has the text in brackets after it.

Usage: contributing_test.py ROOT [unittest options]
"""

import re
import sys
import unittest
from pathlib import Path

ROOT = Path()


class Contributing(unittest.TestCase):
    def test_every_path_exists(self):
        page = (ROOT / "CONTRIBUTING.md").read_text()
        paths = re.findall(r"`([\w.]+/[\w./]*|[A-Z]+\.md)`", page)
        self.assertGreater(len(paths), 30)
        for path in paths:
            self.assertTrue((ROOT / path).exists(), path)

    def test_what_the_lists_name_is_there(self):
        page = (ROOT / "CONTRIBUTING.md").read_text()
        anchors = re.findall(r"`([\w./]+)` \[([^\]]+)\]", page[page.index("## How to add"):])
        self.assertGreater(len(anchors), 25)
        for path, text in anchors:
            self.assertIn(text, (ROOT / path).read_text(), path)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    ROOT = Path(sys.argv.pop(1))
    unittest.main()
