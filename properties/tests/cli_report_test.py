"""Comparisons, and reports for CI systems and readers. Usage: cli_report_test.py BNCHECK CORPUS [...]."""

import base64
import json
import re
import shlex
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import cli_test
from cli_test import VIOLATION, CliTest

FIGURES = {"class", "elements", "nearest", "out_of_range", "unjudged", "worst_ulp", "worst_ratio", "worst_folded_ratio"}


class Accuracy(CliTest):
    UNSOUND = ["check", "fault:one_pass", "--law", "matches_oracle", "--cases", "20", "--seed", "1"]

    def test_a_line_per_pass(self):
        text = self.succeeds("check", "--law", "*matches_oracle", "--cases", "20", "--seed", "1")
        for name in ["training", "inference", "backward training", "backward inference"]:
            self.assertRegex(text, rf"(?m)^  {name} +(correctly rounded|faithful|sound) +\S+ % of \d+ values nearest, ")

    def test_an_unsound_pass_comes_with_its_smallest_case(self):
        result = self.bncheck(*self.UNSOUND)
        self.assertRegex(result.stdout, r"(?m)^  training +unsound ")
        command = re.search(r"(?m)^ +smallest case: bncheck (replay .*)$", result.stdout)[1]
        self.assertEqual(self.bncheck(*shlex.split(command)).returncode, 1)

    def test_json(self):
        report = json.loads(self.bncheck(*self.UNSOUND, "--json", "-").stdout)
        training = report["accuracy"][0]
        self.assertEqual((training["pass"], training["class"]), ("training", "unsound"))
        self.assertTrue((self.folder / training["smallest_case"]).is_file())
        self.assertEqual(set(training), FIGURES | {"pass", "smallest_case", "outputs", "worst"})
        y = training["outputs"][0]
        self.assertEqual(set(y), FIGURES | {"output", "ulps", "ratio", "points"})
        in_range = y["elements"] - y["out_of_range"]
        for measure in ("ulps", "ratio"):
            counted = y[measure]["zero"] + y[measure]["infinite"] + sum(count for _, count in y[measure]["bins"])
            self.assertEqual(counted, in_range)
        # An element without a condition number has no point.
        self.assertLessEqual(sum(elements for *_, elements in y["points"]), in_range)

    def test_follows_from_the_seed(self):
        accuracy = [json.loads(self.bncheck(*self.UNSOUND, "--no-database", "--json", "-").stdout)["accuracy"]
                    for _ in range(2)]
        self.assertEqual(*accuracy)


class Variations(CliTest):
    """VARIATIONS.md has all knobs and presets, and no others."""

    def test_the_page_knows_the_dialects(self):
        page = (Path(__file__).parents[1] / "VARIATIONS.md").read_text()
        part = page[page.index("## Dialect"):page.index("## Numerics")]
        rows = {cell for cell in re.findall(r"(?m)^\| (\w+) \|", part)} - {"knob", "preset"}
        presets = self.succeeds("list", "dialects").partition("\n\n")[0]
        lines = [line.split() for line in presets.splitlines()]
        knobs = {word.split("=")[0] for line in lines for word in line[1:]}
        self.assertEqual(rows, knobs | {line[0] for line in lines})

    def test_its_dialects_can_be_asked_for(self):
        page = (Path(__file__).parents[1] / "VARIATIONS.md").read_text()
        for dialect in re.findall(r"`(\w+,[^`]*=[a-z_]+)`", page):
            self.succeeds("oracle", cli_test.GOLDEN / "three_rows.case.safetensors", "--dialect", dialect)


    def test_the_page_on_declarations_is_what_the_program_lists(self):
        page = (Path(__file__).parents[1] / "SUBJECT.md").read_text()
        for what in ("dialects", "numerics", "capabilities"):
            self.assertIn(f"```\n{self.succeeds('list', what).rpartition(chr(10) * 2)[2]}```\n", page, what)


class Junit(CliTest):
    def suite(self, *words, status=0):
        result = self.bncheck("check", *words, "--junit", "report.xml")
        self.assertEqual((result.returncode, result.stderr), (status, ""))
        return ElementTree.parse(self.folder / "report.xml").getroot()

    def test_a_test_case_per_law(self):
        suite = self.suite("--law", "momentum_*", "--cases", "5", "--seed", "1")
        self.assertEqual(suite.tag, "testsuite")
        self.assertEqual((suite.get("tests"), suite.get("failures"), suite.get("skipped")), ("8", "0", "0"))
        names = [case.get("name") for case in suite.iter("testcase")]
        self.assertIn("momentum_one", names)
        self.assertEqual(len(names), 8)
        self.assertEqual({case.get("classname") for case in suite.iter("testcase")}, {"bncheck.bn"})

    def test_a_violated_law_is_a_failure_with_its_replay(self):
        suite = self.suite(*VIOLATION, status=1)
        self.assertEqual(suite.get("failures"), "1")
        failure = suite.find("testcase/failure")
        self.assertEqual(failure.get("type"), "wrong")
        self.assertTrue(failure.get("message"))
        command = re.search(r"(?m)^replay: bncheck (replay .*)$", failure.text)[1]
        self.assertEqual(self.bncheck(*shlex.split(command)).returncode, 1)

    def test_what_does_not_apply_is_skipped(self):
        suite = self.suite("--dialect", "darknet", "--law", "momentum_cumulative", status=4)
        self.assertEqual((suite.get("failures"), suite.get("skipped")), ("0", "1"))
        self.assertIn("not applicable: ", suite.find("testcase/skipped").get("message"))

    def test_a_subject_that_cannot_run_is_an_error_and_replaces_old_reports(self):
        for name in ["report.xml", "report.json", "report.html"]:
            (self.folder / name).write_text("old")
        result = self.bncheck("check", "plugin:./absent.so", "--junit", "report.xml", "--json", "report.json",
                              "--report", "report.html")
        self.assertEqual((result.returncode, result.stdout), (3, ""))
        self.assertRegex(result.stderr, r"\Abncheck: subject 'plugin:./absent.so' [^\n]+\n\Z")
        suite = ElementTree.parse(self.folder / "report.xml").getroot()
        self.assertEqual((suite.get("tests"), suite.get("errors"), suite.get("failures")), ("1", "1", "0"))
        self.assertIn("no such file", suite.find("testcase/error").get("message"))
        self.assertIn("no such file", json.loads((self.folder / "report.json").read_text())["lost"])
        page = (self.folder / "report.html").read_text()
        self.assertIn("no such file", page)
        self.assertNotIn("holds", page.partition("<main")[2].partition("</p>")[0])

    def test_a_slow_start_ends_with_the_time(self):
        result = self.bncheck("check", "exec:sleep 1000", "--time", "1s")
        self.assertEqual(result.returncode, 3)
        self.assertIn("no answer within 1 s", result.stderr)

    def test_a_comparison_of_nobody_replaces_old_reports(self):
        (self.folder / "league.json").write_text("old")
        self.bncheck("compare", "plugin:./absent.so", "--json", "league.json")
        self.assertIn("no such file", json.loads((self.folder / "league.json").read_text())["subjects"][0]["skipped"])

    def test_alone_on_stdout(self):
        suite = ElementTree.fromstring(self.succeeds("check", "--law", "momentum_one", "--cases", "5", "--junit", "-"))
        self.assertEqual(suite.get("tests"), "1")


class Reports(CliTest):
    def test_places_that_cannot_be_written_are_refused_before_the_run(self):
        for words in [["check", "--cases", "100000000", "--junit"], ["check", "--cases", "100000000", "--report"],
                      ["compare", "bn", "--cases", "1000000", "--report"],
                      ["compare", "bn", "--cases", "1000000", "--markdown"], ["audit", "--cases", "1000000", "--report"]]:
            self.refuses(*words, "missing/report", naming="missing/report")

    def test_the_same_run_gives_the_same_page(self):
        words = ["check", "--law", "momentum_one", "--cases", "5", "--seed", "1", "--report", "-"]
        page = self.succeeds(*words)
        self.assertTrue(page.startswith("<!DOCTYPE html>"))
        self.assertTrue(page.endswith("</html>\n"))
        self.assertEqual(page, self.succeeds(*words))

    def test_a_case_in_the_page_is_a_case_file(self):
        page = self.succeeds("check", "--law", "matches_oracle", "--cases", "20", "--seed", "1", "--report", "-")
        name, url = re.search(r'<a download="([^"]+)" href="([^"]+)"', page).groups()
        (self.folder / name).write_bytes(base64.b64decode(url.partition("base64,")[2]))
        command = re.search(rf'<code class="replay">bncheck (replay {name} [^<]*)</code>', page)[1]
        self.assertIn("matches_oracle: holds", self.succeeds(*shlex.split(command)))


class Compare(CliTest):
    FEW = ["--cases", "1", "--no-laws"]

    def test_two_subjects_side_by_side(self):
        text = self.succeeds("compare", "bn", "bn_functional", *self.FEW, "--seed", "4")
        self.assertRegex(text, r"(?m)^bn +\S+ +- +\S+ % +\S+ +\S+$")
        self.assertRegex(text, r"(?m)^pass +regime +output +bn \S+ +bn_functional \S+$")
        row = re.search(r"(?m)^backward training  dy constant +dx (.*)$", text)
        # Both are the same BatchNorm: the figures are equal.
        figures = row.group(1).split()
        self.assertEqual(figures[:4], figures[4:])
        self.assertEqual(figures[:2], ["100", "%"])
        self.assertTrue(text.endswith("1 cases per pass and regime, 0 per law, seed 4\n"))

    def test_laws_and_classes(self):
        result = self.bncheck("compare", "bn", "fault:one_pass", "--cases", "2", "--law-cases", "3", "--seed", "1")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        laws = len(re.findall(r"(?m)^[a-z]", self.succeeds("list", "laws")))
        self.assertRegex(result.stdout, rf"(?m)^bn +\S+ +{laws} hold, 0 violated, 0 not applicable ")
        self.assertRegex(result.stdout, r"(?m)^fault:one_pass +unsound ")
        command = re.search(r"(?m)^fault:one_pass is unsound in training; the smallest case found: bncheck (.*)$",
                            result.stdout)[1]
        self.assertEqual(self.bncheck(*shlex.split(command)).returncode, 1)

    def test_the_same_seed_gives_the_same_json(self):
        words = ["compare", "bn", *self.FEW, "--seed", "7", "--json", "-"]
        first = self.succeeds(*words)
        self.assertEqual(first, self.succeeds(*words))
        report = json.loads(first)
        self.assertEqual(set(report), {"schema", "seed", "cases", "law_cases", "interrupted", "subjects"})
        subject = report["subjects"][0]
        self.assertEqual(set(subject), FIGURES | {"name", "version", "skipped", "cases", "laws", "violations", "not_asked",
                                                  "lost", "accuracy", "deaths", "failures", "unsupported", "rows"})
        self.assertEqual(subject["cases"], 54)
        rows = subject["rows"]
        self.assertEqual(set(rows[0]), FIGURES | {"pass", "regime", "output"})
        self.assertLessEqual({"y", "running_var", "dx", "dweight", "dbias"}, {row["output"] for row in rows})
        # The rows add up to the total.
        self.assertEqual(sum(row["elements"] for row in rows), subject["elements"])

    def test_markdown(self):
        page = self.succeeds("compare", "bn", *self.FEW, "--seed", "7", "--markdown", "-")
        self.assertIn("`bncheck compare bn --cases 1 --no-laws --seed 7`", page)
        self.assertRegex(page, r"(?m)^\| bn \| \S+ \| - \| \S+ % \|")
        columns = {line.count("|") for line in page.splitlines() if line.startswith("| bn") or line.startswith("| sub")}
        self.assertEqual(columns, {7, 6})

    def test_a_subject_that_cannot_be_run_is_a_row(self):
        text = self.succeeds("compare", "exec:false", "bn", *self.FEW)
        self.assertRegex(text, r"(?m)^exec:false +skipped: subject 'exec:false' ")
        self.assertRegex(text, r"(?m)^bn +\S+ +- +\S+ %")
        page = self.succeeds("compare", "exec:false", "bn", *self.FEW, "--markdown", "-")
        self.assertRegex(page, r"(?m)^\| exec:false \|  \| skipped: ")
        self.refuses("compare", "exec:false", *self.FEW, status=3, naming="exec:false")

    def test_a_long_command_keeps_its_end(self):
        name = "exec:false " + "x" * 100 + " end"
        text = self.succeeds("compare", name, "bn", *self.FEW)
        self.assertRegex(text, r"(?m)^\.\.\.x{33} end  skipped: ")

    def test_refuses(self):
        self.refuses("compare")
        self.refuses("compare", "bn", "nobody", naming="nobody")
        self.refuses("compare", "bn", "--cases", "0", naming="--cases")
        self.refuses("compare", "bn", "--law-cases", "0", naming="--law-cases")
        self.refuses("compare", "bn", "--json", "missing/report", naming="missing/report")


if __name__ == "__main__":
    cli_test.run(__doc__)
