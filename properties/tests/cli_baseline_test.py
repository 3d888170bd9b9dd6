"""Known findings: --baseline and --update-baseline. Usage: cli_baseline_test.py BNCHECK CORPUS [...]."""

import json
import re
import xml.etree.ElementTree as ElementTree

import cli_test
from cli_test import CliTest

class Baseline(CliTest):
    def check(self, subject, *words, status, law="*matches_oracle", seed="1"):
        result = self.bncheck("check", subject, "--cases", "60", "--law", law, "--seed", seed, *words)
        self.assertEqual((result.returncode, result.stderr), (status, ""), result.stdout)
        return result.stdout

    def laws(self):
        return {finding["law"] for finding in json.loads((self.folder / "known.json").read_text())["findings"]}

    def test_known_findings_fail_nothing(self):
        self.check("fault:running_var_biased", status=1)
        known = ["--baseline", "known.json"]
        text = self.check("fault:running_var_biased", *known, "--update-baseline", status=0)
        self.assertRegex(text, r"(?m)^matches_oracle +known ")
        self.assertIn("matches_oracle", self.laws())
        before = (self.folder / "known.json").read_bytes()
        text = self.check("fault:running_var_biased", *known, status=0)
        self.assertRegex(text, r"\n\S+ \S+: \d+ laws, .* holds?, 1 known\n")
        self.assertNotIn("replay:", text)
        self.assertEqual((self.folder / "known.json").read_bytes(), before)
        self.check("fault:running_var_biased", *known, seed="2", status=0)

    def test_another_finding_fails(self):
        self.check("fault:running_var_biased", "--baseline", "known.json", "--update-baseline", status=0)
        text = self.check("fault:dbias_averaged", "--baseline", "known.json", "--junit", "r.xml", status=1)
        self.assertEqual(re.findall(r"(?m)^wrong: (\w+)$", text), ["backward_matches_oracle"])
        suite = ElementTree.parse(self.folder / "r.xml").getroot()
        self.assertEqual(suite.get("failures"), "1")
        self.assertIn("dbias", suite.find("testcase[@name='backward_matches_oracle']/failure").get("message"))

    def test_a_mended_finding_is_gone(self):
        self.check("fault:running_var_biased", "--baseline", "known.json", "--update-baseline", status=0)
        text = self.check("control:two_pass", "--baseline", "known.json", "--json", "r.json", status=0)
        gone = set(re.findall(r"(?m)^gone: (\w+): wrong: ", text))
        self.assertEqual(gone, self.laws())
        report = json.loads((self.folder / "r.json").read_text())
        self.assertEqual({finding["law"] for finding in report["gone"]}, gone)
        self.check("control:two_pass", "--baseline", "known.json", "--update-baseline", status=0)
        self.assertEqual(self.laws(), set())

    def test_only_laws_that_ran_are_updated(self):
        known = ["--baseline", "known.json", "--update-baseline"]
        self.check("fault:running_var_biased", *known, law="m*", status=0)
        before = self.laws()
        self.assertGreater(len(before), 1)
        self.check("control:two_pass", *known, law="matches_oracle", status=0)
        self.assertEqual(self.laws(), before - {"matches_oracle"})

    def test_files_that_are_no_baseline(self):
        self.refuses("check", "--update-baseline", naming="--baseline")
        self.refuses("check", "--baseline", "absent.json", naming="absent.json")
        for text in ["", "{", "[]", "{}", '{"schema": "bncheck-baseline-2", "findings": []}',
                     '{"schema": "bncheck-baseline-1"}', '{"schema": "bncheck-baseline-1", "findings": [{}]}',
                     '{"schema": "bncheck-baseline-1", "findings": [{"law": 3, "rank": "wrong", "signature": "y"}]}',
                     "[" * 100000]:
            (self.folder / "damaged.json").write_text(text)
            self.refuses("check", "--baseline", "damaged.json", naming="damaged.json")


if __name__ == "__main__":
    cli_test.run(__doc__)
