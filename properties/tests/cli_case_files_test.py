"""Commands that read cases from files: damaged ones, replay and oracle.

Usage: cli_case_files_test.py BNCHECK CORPUS [unittest options]
"""

import json
import os
import re
import struct
import subprocess

import cli_test
from cli_test import CliTest, VIOLATION


class CaseFiles(CliTest):
    """Damaged case files: one line that names the file, from every command that reads one."""

    def setUp(self):
        super().setUp()
        self.whole = (cli_test.GOLDEN / "three_rows.case.safetensors").read_bytes()
        length = struct.unpack("<Q", self.whole[:8])[0]
        self.header = json.loads(self.whole[8:8 + length])
        self.data = self.whole[8 + length:]

    def refused(self, content, commands=("oracle",)):
        path = self.folder / "damaged.safetensors"
        path.write_bytes(content)
        for command in commands:
            self.refuses(command, path, naming=path.name)

    def with_header(self, header):
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + self.data

    def test_missing_and_unreadable(self):
        for command in ("replay", "oracle"):
            self.refuses(command, "nowhere.safetensors", naming="nowhere.safetensors")
            self.refuses(command, self.folder, naming=self.folder)

    def test_truncated(self):
        for size in [0, 1, 7, 8, 20, len(self.whole) // 2, len(self.whole) - 1]:
            self.refused(self.whole[:size], commands=("replay", "oracle"))

    def test_something_else(self):
        self.refused(b"\x89PNG\r\n\x1a\n" + bytes(100))
        self.refused(b"a line\nanother line\n" * 20)

    def test_a_header_that_promises_too_much(self):
        for length in [len(self.whole), 1 << 30, 1 << 62, (1 << 64) - 1]:
            self.refused(struct.pack("<Q", length) + self.whole[8:])

    def test_wrong_dtype(self):
        self.header["call.0.x"]["dtype"] = "F16"
        self.refused(self.with_header(self.header))
        self.header["call.0.x"]["dtype"] = "Q7"
        self.refused(self.with_header(self.header))

    def test_incomplete(self):
        for key in ["eps", "calls", "call.0", "num_features", "format"]:
            header = json.loads(json.dumps(self.header))
            del header["__metadata__"][key]
            self.refused(self.with_header(header))
        del self.header["__metadata__"]
        self.refused(self.with_header(self.header))

    def test_an_answer_is_no_case(self):
        self.refused((cli_test.GOLDEN / "three_rows.answer.safetensors").read_bytes())

    def test_a_name_with_a_newline_stays_on_one_line(self):
        path = self.folder / "two\nlines"
        path.write_bytes(b"no case")
        self.assertIn(r"two\nlines", self.refuses("replay", path))

    def test_one_bad_file_among_good_ones(self):
        bad = self.folder / "bad"
        bad.write_bytes(b"")
        result = self.bncheck("replay", cli_test.GOLDEN / "three_rows.case.safetensors", bad)
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stderr, r"\Abncheck: [^\n]*bad[^\n]*\n\Z")


class Replay(CliTest):
    def test_the_printed_command_replays_the_violation(self):
        for save in [[], ["--save", "it's $HERE/and there"]]:
            result = self.bncheck("check", *VIOLATION, *save)
            line = re.search(r"(?m)^replay: (.*)$", result.stdout)[1]
            self.assertIn("--dialect keras", line)
            path = f"{cli_test.BNCHECK.parent}:{os.environ['PATH']}"
            again = subprocess.run(line, shell=True, cwd=self.folder, capture_output=True, text=True,
                                   check=False, env={**os.environ, "PATH": path})
            self.assertEqual((again.returncode, again.stderr), (1, ""))
            self.assertRegex(again.stdout, r"(?m)^  momentum_one: wrong: ")

    def test_a_case_of_another_dialect_holds_in_the_right_one(self):
        self.bncheck("check", *VIOLATION)
        path = next((self.folder / "bncheck-failures").iterdir())
        self.assertRegex(self.succeeds("replay", path, "--dialect", "pytorch"), r"(?m)^  momentum_one: holds")

    def test_golden_cases_hold_by_every_law(self):
        text = self.succeeds("replay", cli_test.GOLDEN / "three_rows.case.safetensors", "--quiet")
        self.assertRegex(text, r"(?m)^  matches_oracle: holds, worst \S+ ulps, ratio \S+$")
        self.assertNotIn("BatchNorm1d(", text)
        self.assertIn("BatchNorm", self.succeeds("replay", cli_test.GOLDEN / "three_rows.case.safetensors"))

    def test_a_law_that_does_not_apply_is_inconclusive(self):
        result = self.bncheck("replay", cli_test.GOLDEN / "three_rows.case.safetensors", "--law", "empty_batch")
        self.assertEqual((result.returncode, result.stderr), (4, ""))
        self.assertIn("none of 1 law applies to this case: empty_batch: not an empty batch", result.stdout)


class Oracle(CliTest):
    CASE = "three_rows.case.safetensors"
    GRADIENT = "backward_two_rows"

    def test_answers_a_gradient(self):
        text = self.succeeds("oracle", cli_test.GOLDEN / f"{self.GRADIENT}.case.safetensors")
        for name in ["dx", "dweight", "dbias"]:
            self.assertRegex(text, rf"(?m)^call\.1\.{name} \[")
        self.succeeds("oracle", cli_test.GOLDEN / f"{self.GRADIENT}.case.safetensors", "-o", "answer")
        self.assertEqual((self.folder / "answer").read_bytes(),
                         (cli_test.GOLDEN / f"{self.GRADIENT}.answer.safetensors").read_bytes())

    def test_prints_every_value_in_decimal_and_bits(self):
        text = self.succeeds("oracle", cli_test.GOLDEN / self.CASE)
        self.assertIn("call.0 = values", text)
        self.assertRegex(text, r"(?m)^call\.0\.y \[[\d, ]+\]$")
        self.assertRegex(text, r"(?m)^  -?[\d.e+-]+ \(0x[0-9a-f]{8}\)$")

    def test_writes_the_golden_answer(self):
        self.assertEqual(self.succeeds("oracle", cli_test.GOLDEN / self.CASE, "-o", "answer"), "")
        self.assertEqual((self.folder / "answer").read_bytes(),
                         (cli_test.GOLDEN / "three_rows.answer.safetensors").read_bytes())
        self.assertEqual(self.files(), ["answer"])

    def test_names_the_vector_that_does_not_fit(self):
        text = self.succeeds("oracle", cli_test.GOLDEN / "length_bias.case.safetensors")
        self.assertTrue(text.startswith("call.0: bias has shape [3], expected [2]\ncall.0 = error length\n"), text)

    def test_answers_in_other_dialects(self):
        ours = self.succeeds("oracle", cli_test.GOLDEN / self.CASE)
        self.assertNotEqual(ours, self.succeeds("oracle", cli_test.GOLDEN / self.CASE, "--dialect", "keras"))

    def test_a_place_that_cannot_be_written(self):
        for name in ["missing/answer", "."]:
            self.refuses("oracle", cli_test.GOLDEN / self.CASE, "-o", name, naming=name)


if __name__ == "__main__":
    cli_test.run(__doc__)
