"""Files instead of a subject: gen and judge. Usage: cli_files_test.py BNCHECK CORPUS [unittest options]."""

import hashlib
import json
import subprocess
import sys
import unittest
from pathlib import Path

import cli_test
from cli_test import CliTest

FEW = ["--kind", "training/integers", "--cases", "2"]


class Gen(CliTest):
    def contents(self, folder):
        return {path.name: path.read_bytes() for path in (self.folder / folder).iterdir()}

    def test_every_kind_and_its_checksums(self):
        text = self.succeeds("gen", "-o", "cases", "--cases", "1", "--seed", "3")
        kinds = self.succeeds("list", "kinds").split()
        self.assertEqual(text, f"{len(kinds)} cases of {len(kinds)} kinds in cases, seed 3\n")
        manifest = json.loads((self.folder / "cases/MANIFEST.json").read_text())
        self.assertEqual((manifest["schema"], manifest["seed"], manifest["dialect"]), (1, 3, "pytorch"))
        self.assertEqual({file["about"] for file in manifest["files"]}, set(kinds))
        for file in manifest["files"]:
            content = (self.folder / "cases" / file["name"]).read_bytes()
            self.assertEqual((file["kind"], file["bytes"]), ("case", len(content)))
            self.assertEqual(file["sha256"], hashlib.sha256(content).hexdigest())
        check = subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=self.folder / "cases",
                               capture_output=True, text=True, check=False)
        self.assertEqual(check.returncode, 0, check.stderr)
        self.assertEqual(check.stdout.count(": OK\n"), len(kinds) + 1)

    def test_the_seed_decides_every_byte(self):
        for folder, seed in [("a", "1"), ("b", "1"), ("c", "2")]:
            self.succeeds("gen", "-o", folder, *FEW, "--seed", seed, "--with-answers")
        self.assertEqual(self.contents("a"), self.contents("b"))
        name = "training-integers-0001.case.safetensors"
        self.assertNotEqual(self.contents("a")[name], self.contents("c")[name])

    def test_what_else_is_drawn_changes_no_case(self):
        self.succeeds("gen", "-o", "few", *FEW)
        self.succeeds("gen", "-o", "more", "--kind", "training/*", "--cases", "3")
        few, more = self.contents("few"), self.contents("more")
        for name in few.keys() - {"MANIFEST.json", "SHA256SUMS"}:
            self.assertEqual(few[name], more[name])

    def test_answers_are_those_of_the_oracle(self):
        for dialect in ["pytorch", "caffe"]:
            self.succeeds("gen", "-o", dialect, *FEW, "--with-answers", "--dialect", dialect)
            case = f"{dialect}/training-integers-0000.case.safetensors"
            self.succeeds("oracle", case, "--dialect", dialect, "-o", "answer")
            answer = self.contents(dialect)["training-integers-0000.answer.safetensors"]
            self.assertEqual(answer, (self.folder / "answer").read_bytes())
            self.assertNotIn(b'"call.0":"error', answer)

    def test_cases_of_a_law_name_it(self):
        text = self.succeeds("gen", "-o", "cases", "--law", "momentum_o*", "--cases", "2")
        self.assertRegex(text, r"\A(\d+) cases of \d kinds in cases, seed 1\n\Z")
        replayed = self.succeeds("replay", "--quiet", *sorted((self.folder / "cases").glob("momentum_one-*.safe*")))
        self.assertEqual(replayed.count("  momentum_one: holds"), 2)

    def test_an_empty_folder_is_filled(self):
        (self.folder / "cases").mkdir()
        self.succeeds("gen", "-o", "cases/", *FEW)
        self.assertEqual(len(self.files()), 1 + 2 + 2)

    def test_places_that_cannot_be_written(self):
        (self.folder / "full").mkdir()
        (self.folder / "full/something").touch()
        (self.folder / "link").symlink_to("nowhere/at/all")
        for place in ["full", "full/something", "full/something/below", ".", "/proc/cases", "link", ""]:
            self.refuses("gen", "-o", place, *FEW, naming=place)

    def test_refuses(self):
        self.refuses("gen", naming="--output")
        self.refuses("gen", "-o", "cases", "--kind", "trainign", naming="trainign")
        self.refuses("gen", "-o", "cases", "--law", "nothing", naming="nothing")
        self.refuses("gen", "-o", "cases", "--law", "mom*", "--kind", "tr*", naming="--law")
        self.refuses("gen", "-o", "cases", "--cases", "0", naming="--cases")
        self.refuses("gen", "-o", "cases", "--dialect", "latin", naming="latin")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    cli_test.BNCHECK = Path(sys.argv[1]).resolve()
    cli_test.GOLDEN = Path(sys.argv[2]).resolve() / "golden"
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
