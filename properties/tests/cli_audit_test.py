"""The command audit. Usage: cli_audit_test.py BNCHECK CORPUS [unittest options]."""

import json
import re
from pathlib import Path

import cli_test
from cli_test import CliTest


class Audit(CliTest):
    SHORT = ["audit", "--seeds", "2", "--cases", "5", "--control-cases", "2"]
    KEYS = {"schema", "version", "command", "seed", "seeds", "cases", "control_cases", "interrupted", "score",
            "score_without_oracle", "faults", "controls", "laws", "alarms"}
    FAULT_KEYS = {"name", "row", "source", "reached", "triggered", "detected", "detected_of",
                  "detected_without_oracle", "laws", "counts", "quickest_law", "median_cases", "shrunk"}

    def test_a_fault_that_a_law_detects(self):
        words = [*self.SHORT, "--law", "momentum_one", "--fault", "running_var_never*"]
        text = self.succeeds(*words)
        self.assertRegex(text, r"(?m)^running_var_never_updated .* 2/2 .* momentum_one ")
        self.assertRegex(text, r"(?m)^kahan +2 +0$")
        self.assertIn("score 1.000", text)

    def test_a_fault_that_no_law_detects(self):
        result = self.bncheck(*self.SHORT, "--law", "momentum_one", "--fault", "dbias_averaged", "--only", "faults")
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        self.assertIn("fault:dbias_averaged detected from 0 of 2 seeds", result.stdout)
        self.assertIn("score 0.000", result.stdout)

    def test_json(self):
        words = [*self.SHORT, "--law", "momentum_one", "--fault", "running_var*", "--json", "-"]
        first = self.bncheck(*words).stdout
        report = json.loads(first)
        self.assertEqual(first, self.bncheck(*words, "--jobs", "1").stdout)
        self.assertEqual(report["schema"], "bncheck-audit-1")
        self.assertEqual(set(report), self.KEYS)
        self.assertEqual(set(report["faults"][0]), self.FAULT_KEYS)
        self.assertEqual(set(report["controls"][0]), {"name", "cases", "alarms"})
        self.assertEqual(set(report["laws"][0]), {"name", "exact", "kills", "sole_kills"})
        self.assertEqual(report["alarms"], [])

    def test_pages_and_shrunk_cases(self):
        words = [*self.SHORT, "--law", "momentum_one", "--fault", "running_var_never*", "--only", "faults", "--shrink"]
        self.succeeds(*words, "--markdown", "page.md", "--save", "cases")
        case = "cases/fault:running_var_never_updated-momentum_one.safetensors"
        self.assertEqual(self.files(), ["cases", case, "page.md"])
        self.assertIn("| running\\_var\\_never\\_updated | 15 | 2 |", (self.folder / "page.md").read_text())
        result = self.bncheck("replay", case, "--subject", "fault:running_var_never_updated")
        self.assertEqual(result.returncode, 1)

    def test_only(self):
        words = [*self.SHORT, "--law", "momentum_one", "--json", "-", "--only"]
        controls = json.loads(self.succeeds(*words, "controls"))
        self.assertEqual((controls["faults"], controls["score"]), ([], None))
        faults = json.loads(self.bncheck(*words, "faults").stdout)
        self.assertEqual([control["name"] for control in faults["controls"]], ["reference"])

    def test_the_committed_page_is_about_these_laws_and_faults(self):
        page = (Path(__file__).parents[1] / "STRENGTH.md").read_text().replace("\\", "")
        laws = re.findall(r"(?m)^\| \d+ \| (\w+) \|", page)
        self.assertEqual(laws, re.findall(r"(?m)^([a-z]\w*)", self.succeeds("list", "laws")))
        faults = re.findall(r"(?m)^\| (\w+) \|", page[page.index("## Faults and laws"):page.index("## Laws")])
        self.assertEqual(sorted(set(faults) - {"fault"}),
                         sorted(re.findall(r"(?m)^([a-z]\w*)", self.succeeds("list", "faults"))))

    def test_refuses(self):
        for flag, value in [("--law", "nothing*"), ("--fault", "nothing*"), ("--only", "laws"), ("--seeds", "0"),
                            ("--cases", "0"), ("--control-cases", "-1"), ("--jobs", "0"), ("--seed", "x"),
                            ("--json", "missing/file"), ("--markdown", "missing/file")]:
            self.refuses("audit", flag, value, naming=value if "/" in value or "*" in value else flag)


if __name__ == "__main__":
    cli_test.run(__doc__)
