"""`bncheck diagnose` on a plugin that declares no dialect and speaks the one that its environment names.

Usage: cli_diagnose_test.py BNCHECK PLUGINS [unittest options]; PLUGINS is the folder with template_plugin.so.
"""

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

BNCHECK = Path()
PLUGIN = ""
KNOBS = ["averaging", "cumulative", "running_var", "normalising_var", "single_value", "empty_batch", "eps_place",
         "eps_floor", "backward_eps", "saved", "eps_as", "momentum_as", "complement", "axes"]


def value_of(knob, text):
    """Compares values of a knob; numbers may be written in more than one way."""
    return float(text) if knob in ("eps_floor", "backward_eps") and text != "none" else text


class Plugin(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def bncheck(self, *words, template="pytorch", status=0):
        environment = {**os.environ, "BNCHECK_TEMPLATE": template}
        result = subprocess.run([BNCHECK, *map(str, words)], cwd=self.folder, capture_output=True, text=True,
                                env=environment, check=False)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result

    def diagnosis(self, template):
        return json.loads(self.bncheck("diagnose", PLUGIN, "--dialect-only", "--json", "-", template=template).stdout)


class Diagnose(Plugin):
    def test_an_anonymous_plugin_of_every_preset(self):
        for preset in ("pytorch", "onnx", "keras", "onednn", "caffe", "darknet"):
            with self.subTest(preset):
                report = self.diagnosis(preset)
                self.assertEqual((report["dialect"], report["nearest"], report["explained"]), (preset, preset, True))
                self.assertEqual(list(report["knobs"]), KNOBS)
                self.assertEqual(report["schema"], 2)

    def test_knobs_beside_a_preset(self):
        for text in ("pytorch,running_var=population", "pytorch,eps_floor=1.001e-05,saved=none",
                     "keras,normalising_var=unbiased,empty_batch=nan", "pytorch,single_value=zero,axes=per_activation",
                     "darknet,eps_place=absent,backward_eps=none", "caffe,backward_eps=0.001,saved=mean_var"):
            with self.subTest(text):
                self.assertEqual(self.diagnosis(text)["dialect"], text)

    def test_the_dialect_that_is_found_holds_the_laws(self):
        words = ["--law", "matches_oracle", "--cases", "5", "--seed", "1"]
        self.bncheck("check", PLUGIN, *words, "--no-database", template="darknet", status=1)
        line = self.bncheck("diagnose", PLUGIN, template="darknet").stdout.splitlines()[-1]
        self.assertEqual(line, f"bncheck check {PLUGIN} --dialect darknet")
        self.bncheck(*line.split()[1:], *words, "--no-database", template="darknet")

    def test_the_numerics_and_the_declarations(self):
        lines = self.bncheck("diagnose", PLUGIN, template="caffe").stdout.splitlines()
        self.assertEqual(lines[-4:-1], ["numerics: sound", 'in C:      c->dialect = "caffe"; c->numerics = "sound";',
                                        'in Python: dialect="caffe", numerics="sound"'])
        lines = self.bncheck("diagnose", PLUGIN, "--dialect-only", template="caffe").stdout.splitlines()
        self.assertEqual(lines[-3:-1], ['in C:      c->dialect = "caffe";', 'in Python: dialect="caffe"'])
        report = json.loads(self.bncheck("diagnose", "fault:inference_folded", "--json", "-").stdout)
        self.assertEqual(report["numerics"]["declare"], "sound,form=folded")
        self.assertEqual(report["numerics"]["losses"][0]["knobs"], "form=folded")
        self.assertIsNone(self.diagnosis("caffe")["numerics"])

    def test_a_line_for_each_knob_with_its_evidence(self):
        lines = self.bncheck("diagnose", PLUGIN, template="caffe").stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines[1:1 + len(KNOBS)]], KNOBS)
        averaging = lines[1]
        self.assertRegex(averaging, r"^averaging +ratio +training, .*: running_\w+\[0\]: new_weight gives \S+, got")
        self.assertRegex(averaging, r"ratio gives (\S+), got \1;")
        self.assertIn("nearest preset: caffe, which it is", lines)

    def test_what_is_not_identifiable_says_why(self):
        report = self.diagnosis("onednn")
        for knob in ("running_var", "cumulative"):
            self.assertFalse(report["knobs"][knob]["identified"])
            self.assertEqual(report["knobs"][knob]["reason"], "no running statistics are kept")
        self.assertIn("eps has no effect",
                      self.bncheck("diagnose", PLUGIN, template="pytorch,eps_place=absent").stdout)

    def test_no_dialect_explains_a_fault(self):
        result = self.bncheck("diagnose", "fault:eps_twice_in_training", "--json", "report.json", status=1)
        self.assertRegex(result.stdout, r"(?m)^no dialect explains: training, x = \(0.25, 1.75\), eps 1: no dialect gives y")
        report = json.loads((self.folder / "report.json").read_text())
        self.assertFalse(report["explained"])
        self.assertEqual(len(report["unexplained"]) > 0, True)

    def test_a_subject_that_cannot_be_run(self):
        result = self.bncheck("diagnose", PLUGIN, template="latin", status=3)
        self.assertRegex(result.stderr, r"\Abncheck: .*BNCHECK_TEMPLATE: unknown dialect 'latin'.*\n\Z")
        self.bncheck("diagnose", "plugin:./none.so", status=3)

    def test_no_report_of_an_earlier_run_stays(self):
        for words, template, reason in [(["plugin:./none.so"], "pytorch", "there is no such file"),
                                        ([PLUGIN], "latin", "unknown dialect 'latin'")]:
            (self.folder / "report.json").write_text("of an earlier run")
            result = self.bncheck("diagnose", *words, "--json", "report.json", template=template, status=3)
            self.assertRegex(result.stderr, r"\Abncheck: [^\n]+\n\Z")
            report = json.loads((self.folder / "report.json").read_text())
            self.assertEqual((report["subject"], report["explained"], report["dialect"]), (words[0], False, None))
            self.assertIn(reason, report["lost"])
        self.assertIsNone(self.diagnosis("pytorch")["lost"])

    def test_a_subject_that_dies_at_its_end(self):
        plugin = PLUGIN.replace("template_plugin", "misbehaving_plugin")
        with unittest.mock.patch.dict(os.environ, BNCHECK_MISBEHAVE="abort_in_destroy"):
            result = self.bncheck("diagnose", plugin, "--json", "report.json", status=1)
        self.assertIn("at its end the subject died: SIGABRT", result.stdout)
        report = json.loads((self.folder / "report.json").read_text())
        self.assertRegex(report["unexplained"][-1], "^at its end the subject died: SIGABRT")

    def test_usage(self):
        for words in (["nobody"], ["bn", "--json", "no/such/folder"], ["--cases", "3"]):
            result = self.bncheck("diagnose", *words, status=2)
            self.assertRegex(result.stderr, r"\Abncheck: [^\n]+\n\Z")
        self.assertIn("--json", self.bncheck("diagnose", "--help").stdout)


def asked_as(word):
    """Word with the same answers, as search/dialect_experiments.hpp says."""
    return {"data": "f32", "rounded": "exact"}.get(word, word)


class RandomKnobs(Plugin):
    def words_of(self, knob):
        """Values of a knob, as the program lists them; none for a knob that is a number."""
        refusal = self.bncheck("check", "--dialect", f"{knob}=?", status=2).stderr
        words = re.search(r"expected (.*)", refusal)[1]
        return [] if "number" in words else re.split(", | or ", words)

    def test_two_hundred_random_knob_sets(self):
        """Each knob is found, or left open with a reason and the right value among the remaining ones."""
        words = {knob: self.words_of(knob) for knob in KNOBS}
        draws = random.Random(1)
        for _ in range(200):
            knobs = {knob: draws.choice(values) for knob, values in words.items() if values}
            knobs["eps_floor"] = draws.choice(["0", "1e-12", "1e-05", "0.001", "0.25"])
            knobs["backward_eps"] = draws.choice(["none", "none", "0", "1e-05", "0.5"])
            text = ",".join(f"{knob}={value}" for knob, value in knobs.items())
            with self.subTest(text):
                report = self.diagnosis(text)
                self.assertTrue(report["explained"])
                for knob, finding in report["knobs"].items():
                    if finding["identified"]:
                        self.assertEqual([value_of(knob, word) for word in finding["found"]],
                                         [value_of(knob, asked_as(knobs[knob]))], (knob, finding))
                    else:
                        self.assertTrue(finding["reason"], knob)
                        if finding["found"] and knob in words and words[knob]:
                            self.assertIn(asked_as(knobs[knob]), finding["found"], (knob, finding))


if __name__ == "__main__":
    BNCHECK = Path(sys.argv[1]).resolve()
    PLUGIN = f"plugin:{Path(sys.argv[2]).resolve()}/template_plugin.so"
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
