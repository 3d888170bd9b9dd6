"""Untrusted texts made to harm a terminal: bncheck shows them printable, short, and never as a line of its own.

Usage: cli_hostile_text_test.py BNCHECK PLUGINS CORPUS [unittest options]; in PLUGINS is hostile_text_plugin.so.
"""

import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

BNCHECK = Path()
PLUGINS = Path()
GOLDEN = Path()
CASE = "three_rows.case.safetensors"
ANSWER = "three_rows.answer.safetensors"
PROGRAM = Path(__file__).parent / "subjects" / "hostile_text.py"

HOSTILE = "\x1b[2J\a\rbncheck: all is well\nbncheck: all is well\r\n\u009b2J\u202e\x7f"
LONG = HOSTILE * 20_000
# C0 except the newline, DEL, C1, marks of direction, separators of lines.
HARMFUL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def read_archive(path):
    """Header and data of a safetensors file."""
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8:8 + length]), content[8 + length:]


def write_archive(path, header, data):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


class HostileTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def assert_tame(self, content, most):
        """Checks bytes that are shown to a user."""
        text = content.decode()  # must be UTF-8
        found = HARMFUL.search(text)
        self.assertIsNone(found, found and (found, text[max(0, found.start() - 200):found.start() + 80]))
        self.assertNotRegex(text, "(?m)^(bncheck: )?all is well")
        self.assertLess(len(content), most, text[:2000])
        return text

    def bncheck(self, *words, status, most=30_000, stdin=b"", **environment):
        """Runs bncheck and checks that stdout and stderr are harmless."""
        result = subprocess.run([BNCHECK, *map(str, words)], cwd=self.folder, capture_output=True, input=stdin,
                                env={**os.environ, **environment}, check=False)
        stdout = self.assert_tame(result.stdout, most)
        stderr = self.assert_tame(result.stderr, 10_000)
        self.assertEqual(result.returncode, status, stdout + stderr)
        return stdout, stderr

    def refuses(self, *words, status=2, **more):
        """One line on stderr that fits a screen."""
        stdout, stderr = self.bncheck(*words, status=status, **more)
        self.assertRegex(stderr, r"\Abncheck: [^\n]+\n\Z", words)
        self.assertLess(len(stderr), 4_200)
        return stderr

    def assert_tame_files(self, most=100_000):
        """Reports, and the notes of saved cases."""
        for path in self.folder.rglob("*"):
            if path.suffix == ".safetensors":
                self.assertLess(path.stat().st_size, 50_000)
                for text in read_archive(path)[0]["__metadata__"].values():
                    self.assertIsNone(HARMFUL.search(text), text)
                    self.assertLessEqual(len(text), 4_096)
            elif path.is_file():
                self.assert_tame(path.read_bytes(), most)

    def check(self, subject, *words, status=1, **more):
        """Console, and the three reports; returns the reason of the first law."""
        common = ["check", subject, "--law", "matches_oracle", "--cases", "5", "--seed", "1", *words]
        stdout, _ = self.bncheck(*common, "--json", "r.json", "--junit", "r.xml", "--report", "r.html", status=status,
                                 **more)
        self.assert_tame_files()
        ElementTree.parse(self.folder / "r.xml")
        report = json.loads((self.folder / "r.json").read_text())
        for text in (report["version"], report["laws"][0]["reason"] or ""):
            self.assertIsNone(HARMFUL.search(text))
            self.assertLessEqual(len(text), 4_096)
        return report["laws"][0]["reason"] or "", stdout

    def replay(self, subject, status=1, **more):
        """Result of one case, which is not shrunk."""
        stdout, _ = self.bncheck("replay", GOLDEN / CASE, "--subject", subject, "--law", "matches_oracle",
                                 status=status, **more)
        return stdout


class Plugin(HostileTest):
    SUBJECT = property(lambda self: f"plugin:{PLUGINS}/hostile_text_plugin.so")

    def test_name_and_version(self):
        _, stdout = self.check(self.SUBJECT, status=0, BNCHECK_HOSTILE="no")
        shown = r"(?m)^plugin:\S+ \(\\x1b\[2J\\x07\\rbncheck: all is well\\n.*\.\.\. \(\d+ bytes\)\): 1 law"
        self.assertRegex(stdout, shown)

    def test_errors(self):
        reason, stdout = self.check(self.SUBJECT, BNCHECK_HOSTILE="fails")
        self.assertIn(r"was rejected (other): \x1b[2J\x07\rbncheck: all is well\n", reason)
        line = re.search(r"(?m)^replay: bncheck (replay .*)$", stdout)[1]
        stdout, _ = self.bncheck(*line.split(), status=1, BNCHECK_HOSTILE="fails")
        self.assertIn(r"was rejected (other): \x1b[2J\x07\rbncheck: all is well\n", stdout)

    def test_unsupported(self):
        shown = self.replay(self.SUBJECT, status=4, BNCHECK_HOSTILE="unsupported")
        self.assertIn(r"does not support this: \x1b[2J", shown)

    def test_fatal_and_last_words(self):
        self.assertIn(r"it cannot go on: \x1b[2J", self.replay(self.SUBJECT, BNCHECK_HOSTILE="fatal"))
        died = self.replay(self.SUBJECT, BNCHECK_HOSTILE="dies", ASAN_OPTIONS="handle_abort=0")
        self.assertIn("its last words: ", died)
        self.assertIn(r"\x1b[2J\x1b]0;all is well\x07 the end", died)

    def test_what_it_says_of_itself(self):
        for how in ("create", "dialect", "numerics", "dtypes"):
            with self.subTest(how):
                self.assertIn(r"\x1b[2J\x07", self.refuses("check", self.SUBJECT, status=3, BNCHECK_HOSTILE=how))

    def test_compare(self):
        words = ["compare", self.SUBJECT, "--no-laws", "--cases", "1", "--seed", "1"]
        stdout, _ = self.bncheck(*words, "--json", "l.json", "--markdown", "l.md", "--report", "l.html", status=0,
                                 most=40_000, BNCHECK_HOSTILE="no")
        self.assert_tame_files(most=1_000_000)
        self.assertLess(max(map(len, stdout.splitlines())), 500)


class Program(HostileTest):
    def subject(self, how, size=8 << 20):
        return f"exec:exec {sys.executable} {PROGRAM} {how} {size}"

    def test_errors(self):
        reason, _ = self.check(self.subject("fails", 100_000))
        self.assertIn(r"was rejected (other): \x1b[2J\x07\rbncheck: all is well\n", reason)

    def test_a_message_of_a_hundred_kilobytes(self):
        self.assertRegex(self.replay(self.subject("fails", 100_000)),
                         r"rejected \(other\): \\x1b\[2J.*\.\.\. \(\d+ bytes\)\n")

    def test_eight_megabytes(self):
        self.assertIn("the header claims", self.refuses("check", self.subject("fails"), status=3))

    def test_replies(self):
        for how in ("unsupported", "fatal", "status", "counter", "tensor", "dies"):
            with self.subTest(how):
                shown = self.replay(self.subject(how, 100_000), status=4 if how == "unsupported" else 1)
                self.assertIn(r"\x1b[2J", shown)

    def test_what_it_says_of_itself(self):
        for how in ("dialect", "operations", "no_capabilities"):
            with self.subTest(how):
                self.assertIn(r"\x1b[2J", self.refuses("check", self.subject(how, 100_000), status=3))

    def test_compare(self):
        words = ["compare", "bn", self.subject("fails", 100_000), self.subject("dialect", 100_000), "--no-laws",
                 "--cases", "1", "--seed", "1"]
        stdout, _ = self.bncheck(*words, "--json", "l.json", "--markdown", "l.md", "--report", "l.html", status=0)
        self.assert_tame_files(most=1_000_000)
        self.assertLess(max(map(len, stdout.splitlines())), 600)
        page = (self.folder / "l.md").read_text()
        self.assertIn(r"\\x1b\[2J", page)
        # The rows of a table have as many cells as its head.
        for table in re.findall(r"(?m)(?:^\|.*\n)+", page):
            cells = {len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in table.splitlines()}
            self.assertEqual(len(cells), 1, table)

    def test_diagnose(self):
        subject = self.subject("fails", 50_000)
        stdout, _ = self.bncheck("diagnose", subject, "--json", "d.json", status=3)
        self.assert_tame_files()
        self.assertIn(r"rejected (other): \x1b[2J", stdout)

    def test_serve(self):
        stderr = self.refuses("serve", "bn", stdin=b"\x1b[2J\r\nbncheck: all is well\n")
        self.assertIn(r"got '\x1b'", stderr)


class Files(HostileTest):
    def hostile(self, name, change, source=CASE):
        """A golden file, changed."""
        header, data = read_archive(GOLDEN / source)
        changed = change(header)
        write_archive(self.folder / name, changed if changed is not None else header, data)
        return name

    def test_cases(self):
        changes = {
            "unknown format": lambda h: h["__metadata__"].update(format=LONG),
            "no integer": lambda h: h["__metadata__"].update(num_features=LONG),
            "no number": lambda h: h["__metadata__"].update(eps=LONG),
            "no call": lambda h: h["__metadata__"].update({"call.0": LONG}),
            "no text": lambda h: h["__metadata__"].update({LONG: 5}),
            "no tensor": lambda h: h.update({LONG: {}}),
            "no dtype": lambda h: h["call.0.x"].update(dtype=LONG),
            "no size": lambda h: h["call.0.x"].update(shape=[LONG]),
            "no place": lambda h: h["call.0.x"].update(data_offsets=[LONG, 0]),
            "beyond the end": lambda h: h.update({LONG: {"dtype": "F32", "shape": [1], "data_offsets": [0, 2**40]}}),
            "twice": lambda h: json.dumps(h)[:-1].encode() + b', "a\\u001b": {}, "a\\u001b": {}}',
            "unknown law": lambda h: h["__metadata__"].update({"note.law": LONG}),
        }
        for what, change in changes.items():
            name = self.hostile("case.safetensors", change)
            with self.subTest(what):
                # As JSON, where another type than a string is required.
                self.assertRegex(self.refuses("replay", name), r"\\x1b|\\u001b")
                if what != "unknown law":
                    self.refuses("oracle", name)
                    self.refuses("judge", name, name)

    def test_notes_that_nobody_asked_for(self):
        name = self.hostile("case\x1b[2J\nbncheck: all is well.safetensors", lambda h: h["__metadata__"].update(
            {"note.law": "matches_oracle", "note.message": LONG, "note." + HOSTILE: LONG, "note.subject": LONG}))
        stdout, _ = self.bncheck("replay", name, status=0)
        self.assertIn("matches_oracle: holds", stdout)
        self.assertTrue(stdout.startswith(r"case\x1b[2J\nbncheck: all is well.safetensors on bn "))
        self.bncheck("oracle", name, status=0)

    def test_a_store_of_failures(self):
        (self.folder / "bncheck-failures").mkdir()
        self.hostile("bncheck-failures/a\x1b[2J\nbncheck: all is well.safetensors",
                     lambda h: h["__metadata__"].update({"note.law": LONG}))
        self.hostile("bncheck-failures/b.safetensors", lambda h: h["__metadata__"].update({"calls": LONG}))
        _, stderr = self.bncheck("check", "--law", "zero_mean", "--cases", "5", "--seed", "1", status=0)
        self.assertEqual(len(stderr.splitlines()), 2, stderr)

    def test_outputs(self):
        changes = {
            "no outcome": lambda h: h["__metadata__"].update({"call.0": LONG}),
            "no kind": lambda h: h["__metadata__"].update({"call.0": "error " + LONG}),
            "no counter": lambda h: h["__metadata__"].update({"call.0.num_batches_tracked": LONG}),
            "no output": lambda h: h.update({LONG: h.pop("call.0.y")}),
            "no such call": lambda h: h.update({"call.7.y": h.pop("call.0.y")}),
        }
        for what, change in changes.items():
            name = self.hostile("output.safetensors", change, ANSWER)
            with self.subTest(what):
                _, stderr = self.bncheck("judge", GOLDEN / CASE, name, "--json", "j.json", status=2)
                self.assert_tame((self.folder / "j.json").read_bytes(), 10_000)
                self.assertIn("call.7.y" if what == "no such call" else r"\x1b[2J", stderr)

    def test_an_output_with_a_message(self):
        def fails(header):
            header["__metadata__"].update({"call.0": "error other", "call.0.message": LONG})
            return {"__metadata__": header["__metadata__"]}

        header, _ = read_archive(GOLDEN / ANSWER)
        name = "output\x1b[2J.safetensors"
        write_archive(self.folder / name, fails(header), b"")
        stdout, _ = self.bncheck("judge", GOLDEN / CASE, name, "--json", "j.json", status=1)
        self.assertIn(r"was rejected (other): \x1b[2J\x07\rbncheck", stdout)
        self.assertIn("wrong: output\\x1b[2J.safetensors\n", stdout)
        self.assert_tame((self.folder / "j.json").read_bytes(), 10_000)

    def test_a_manifest(self):
        for key, value in (("name", HOSTILE + "/" + LONG), ("sha256", LONG), ("dialect", LONG)):
            self.bncheck("gen", "-o", key, "--cases", "1", "--kind", "training/ordinary", status=0)
            path = self.folder / key / "MANIFEST.json"
            manifest = json.loads(path.read_text())
            (manifest if key == "dialect" else manifest["files"][0])[key] = value
            path.write_text(json.dumps(manifest))
            with self.subTest(key):
                self.assertIn(r"\x1b[2J", self.refuses("judge", key, self.folder))


if __name__ == "__main__":
    BNCHECK = Path(sys.argv[1]).resolve()
    PLUGINS = Path(sys.argv[2]).resolve()
    GOLDEN = Path(sys.argv[3]).resolve() / "golden"
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
