"""Runs the program bncheck as its users do. Usage: cli_test.py BNCHECK CORPUS [unittest options]."""

import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BNCHECK = Path()
GOLDEN = Path()
KEYS = {"schema", "subject", "version", "dialect", "numerics", "seed", "cases", "violations", "failures", "gone", "stored",
        "coverage", "accuracy", "interrupted", "lost", "laws"}
LAW_KEYS = {"name", "verdict", "rank", "known", "after_cases", "cases", "discarded", "reason", "worst_ulp", "worst_ratio",
            "climbed", "slow", "explained_by", "case_file"}
# In a dialect with the population's running variance, bn violates this law in its first cases.
VIOLATION = ["--dialect", "keras", "--law", "momentum_one", "--cases", "20", "--seed", "1"]


def run(usage):
    """The tests of the program, from its command line: BNCHECK CORPUS and unittest's options."""
    global BNCHECK, GOLDEN
    if len(sys.argv) < 3:
        sys.exit(usage)
    BNCHECK = Path(sys.argv[1]).resolve()
    GOLDEN = Path(sys.argv[2]).resolve() / "golden"
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])


class CliTest(unittest.TestCase):
    """Each test runs in an empty folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def skipTest(self, reason):
        """The reason goes to ctest's log, where ./run reads it: unittest only counts."""
        print(f"skipped: {reason}")
        super().skipTest(reason)

    def bncheck(self, *words, env=None):
        return subprocess.run([BNCHECK, *map(str, words)], cwd=self.folder, capture_output=True, text=True,
                              env={**os.environ, **(env or {})}, check=False)

    def succeeds(self, *words):
        result = self.bncheck(*words)
        self.assertEqual((result.returncode, result.stderr), (0, ""), words)
        return result.stdout

    def refuses(self, *words, status=2, naming=""):
        """One line on stderr, which names the error; nothing on stdout; the folder unchanged."""
        before = self.files()
        result = self.bncheck(*words)
        self.assertEqual(result.returncode, status, (words, result.stderr))
        self.assertRegex(result.stderr, r"\Abncheck: [^\n]+\n\Z", words)
        self.assertIn(str(naming), result.stderr)
        self.assertEqual(result.stdout, "", words)
        self.assertEqual(self.files(), before, words)
        return result.stderr

    def files(self):
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))


class Help(CliTest):
    FLAGS = {
        "audit": ["--seed", "--seeds", "--cases", "--control-cases", "--only", "--law", "--fault", "--jobs",
                  "--shrink", "--json", "--markdown", "--report", "--save"],
        "check": ["--cases", "--seed", "--law", "--time", "--climb", "--dialect", "--numerics", "--json", "--junit", "--report",
                  "--save", "--no-database", "subject"],
        "compare": ["--cases", "--law-cases", "--no-laws", "--seed", "--json", "--markdown", "--report", "--save",
                    "subjects"],
        "replay": ["--subject", "--law", "--dialect", "--numerics", "--quiet", "case"],
        "oracle": ["--dialect", "--output", "-o", "case"],
        "list": ["what", "laws", "subjects", "faults", "controls", "dialects", "numerics", "capabilities", "kinds"],
        "gen": ["--output", "-o", "--cases", "--seed", "--kind", "--law", "--dialect", "--with-answers"],
        "judge": ["--dialect", "--numerics", "--non-finite", "--json", "case", "output"],
    }

    def test_lists_commands_and_exit_statuses(self):
        text = self.succeeds("--help")
        for word in [*self.FLAGS, "--version", "Exit status", "130"]:
            self.assertIn(word, text)

    def test_every_command_lists_its_flags(self):
        for command, flags in self.FLAGS.items():
            text = self.succeeds(command, "--help")
            for flag in flags:
                self.assertIn(flag, text, command)

    def test_help_fits_a_terminal_without_tabs(self):
        for command in self.FLAGS:
            self.assertNotIn("\t", self.succeeds(command, "--help"))

    def test_every_value_has_a_name_and_every_command_an_example(self):
        for command in self.FLAGS:
            text = self.succeeds(command, "--help")
            self.assertNotRegex(text, r"TEXT|INT|ENUM", command)
            self.assertRegex(text, rf"(?m)^Example: bncheck {command} ", command)

    def test_every_command_says_its_exit_statuses_once(self):
        for command in [*self.FLAGS, "diagnose", "serve"]:
            text = self.succeeds(command, "--help")
            self.assertEqual(text.count("Exit status"), 1, command)
            self.assertRegex(text, r"Exit status: 0 [^\n]", command)

    def test_version(self):
        self.assertRegex(self.succeeds("--version"), r"\Abncheck \d+\.\d+\.\d+\n\Z")


class Usage(CliTest):
    def test_no_command_and_unknown_ones(self):
        self.refuses()
        self.refuses("chek", naming="chek")
        self.refuses("check", "--csaes", "5", naming="--csaes")
        self.refuses("check", "bn", "bn", naming="bn")

    def test_unknown_names(self):
        self.refuses("check", "nobody", naming="nobody")
        self.refuses("check", "--law", "nothing*", naming="nothing*")
        self.refuses("check", "--dialect", "latin", naming="latin")
        self.refuses("list", "everything", naming="everything")
        self.refuses("list")
        self.refuses("replay")
        self.refuses("oracle")
        case = GOLDEN / "three_rows.case.safetensors"
        self.refuses("oracle", case, "--dialect", "latin", naming="latin")
        self.refuses("replay", case, "--subject", "nobody", naming="nobody")
        self.refuses("replay", case, "--law", "nothing", naming="nothing")
        self.refuses("check", "--law", "momentum_*,nothing", naming="'nothing'")
        self.refuses("check", "--law", "!nothing", naming="'nothing'")
        self.refuses("check", "--law", "zero_mean,!zero_*", naming="zero_mean,!zero_*")
        self.refuses("check", "--law", "zero_mean,", naming="no law matches ''")

    def test_an_unknown_name_comes_with_the_known_ones(self):
        self.assertIn("bn_functional", self.refuses("check", "nobody"))
        self.assertIn("pytorch", self.refuses("check", "--dialect", "latin"))
        self.assertIn("faithful", self.refuses("check", "--numerics", "roughly"))
        self.assertIn("welford", self.refuses("check", "--numerics", "summation=some"))

    def test_numbers_that_are_none(self):
        for flag, value in [("--cases", "many"), ("--cases", "0"), ("--cases", "-1"), ("--cases", "1e3"),
                            ("--seed", "x"), ("--seed", "-1"), ("--time", "5"), ("--time", "5 s"),
                            ("--time", "-5s"), ("--time", "0s"), ("--time", "99999999h"), ("--climb", "5")]:
            self.refuses("check", flag, value, naming=flag)

    def test_values_that_are_empty(self):
        case = GOLDEN / "three_rows.case.safetensors"
        for words in [["check", "--json"], ["check", "--seed"], ["compare", "bn", "--report"], ["judge", case, case, "--json"],
                      ["gen", "--output"], ["replay", case, "--quiet", "--dialect"]]:
            self.refuses(*words, "", naming=f"{words[-1]}: '', expected a value")
        self.refuses("check", "--report=", naming="--report")

    def test_half_a_name(self):
        for name, whole in [("plugin:", "plugin:PATH.so"), ("exec:", "exec:COMMAND"), ("fault:", "fault:NAME")]:
            self.assertIn(whole, self.refuses("check", name, naming=f"'{name}'"))
            self.refuses("compare", "bn", name, naming=f"'{name}'")

    def test_a_plugin_that_is_no_library(self):
        self.refuses("check", f"plugin:{self.folder}", status=3, naming="no regular file")
        self.refuses("check", f"plugin:{__file__}", status=3, naming="invalid ELF header")

    def test_list(self):
        self.assertIn("matches_oracle", self.succeeds("list", "laws"))
        self.assertRegex(self.succeeds("list", "subjects"), r"(?m)^bn +the shipped")
        self.assertRegex(self.succeeds("list", "dialects"), r"(?m)^pytorch ")
        self.assertRegex(self.succeeds("list", "dialects"), r"(?m)^complement +exact +the other weight")
        self.assertRegex(self.succeeds("list", "numerics"), r"(?m)^flush_to_zero +false +subnormal")
        self.assertRegex(self.succeeds("list", "capabilities"), r"(?m)^dtypes +f32 +dtype of tensors")

    def test_a_subject_that_this_build_has_not(self):
        if "unavailable" not in self.succeeds("list", "subjects"):
            self.skipTest("every subject is available")
        self.refuses("check", "torch", status=3, naming="torch")
        case = GOLDEN / "three_rows.case.safetensors"
        self.refuses("replay", case, "--subject", "torch", status=3, naming="torch")


class Check(CliTest):
    def test_laws_by_several_patterns(self):
        report = json.loads(self.succeeds("check", "--cases", "1", "--seed", "5", "--json", "-", "--law",
                                          "zero_mean,momentum_*,!*_k_*,!momentum_o*"))
        self.assertEqual([law["name"] for law in report["laws"]],
                         ["zero_mean", "momentum_zero", "momentum_cumulative", "momentum_rejected",
                          "momentum_mixture", "momentum_long_sequence"])
        report = json.loads(self.succeeds("check", "--cases", "1", "--seed", "5", "--json", "-", "--law", "!*e*"))
        self.assertTrue(report["laws"])
        self.assertFalse([law["name"] for law in report["laws"] if "e" in law["name"]])

    def test_judged_by_other_numerics_than_the_subject_declares(self):
        """The report names the loss that explains a finding; declared, there is none, and the file replays."""
        check = ["check", "fault:inference_folded", "--cases", "200", "--seed", "5", "--law", "affine_parameters"]
        result = self.bncheck(*check)
        self.assertEqual(result.returncode, 1)
        self.assertIn("\nform=folded explains 1 finding: affine_parameters\n", result.stdout)
        file = re.search(r"(?m)^replay: bncheck replay (\S+) ", result.stdout)[1]
        self.assertIn(" 1 holds\n", self.succeeds(*check, "--no-database", "--numerics", "form=folded"))
        replay = ["replay", file, "--subject", "fault:inference_folded", "--quiet"]
        self.assertEqual(self.bncheck(*replay).returncode, 1)
        self.assertIn("holds", self.succeeds(*replay, "--numerics", "form=folded"))
        report = self.bncheck(*check, "--numerics", "exact", "--json", "-").stdout
        self.assertEqual(json.loads(report)["numerics"].split(",")[0], "exact")

    def test_holds(self):
        text = self.succeeds("check", "--cases", "10", "--seed", "5", "--law", "momentum_*")
        self.assertRegex(text, r"(?m)^law +verdict +cases +discarded +worst ulps +worst ratio$")
        self.assertRegex(text, r"(?m)^momentum_zero +holds +10 +0 ")
        self.assertRegex(text, r"\nbn \S+: 8 laws, 80 cases, seed 5: 8 hold\n\Z")
        self.assertEqual(self.files(), [])

    def test_the_same_seed_gives_the_same_table(self):
        words = ["check", "--cases", "15", "--seed", "77"]
        first = self.succeeds(*words)
        self.assertEqual(first, self.succeeds(*words))
        # Of so few cases, a discarded one makes a law inconclusive.
        self.assertNotEqual(first, self.bncheck("check", "--cases", "15", "--seed", "78").stdout)

    def test_without_a_seed_it_tells_the_one_it_took(self):
        words = ["check", "--cases", "5", "--law", "matches_oracle"]
        text = self.succeeds(*words)
        seed = re.search(r"seed (\d+):", text)[1]
        self.assertEqual(text, self.succeeds(*words, "--seed", seed))

    def test_violated(self):
        result = self.bncheck("check", *VIOLATION)
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        self.assertRegex(result.stdout, r"(?m)^momentum_one +wrong ")
        for part in ["the smallest case found:", "running_var", "expected", "replay: bncheck replay ",
                     "1 wrong"]:
            self.assertIn(part, result.stdout)
        self.assertEqual(len(list((self.folder / "bncheck-failures").iterdir())), 1)

    def test_the_same_violation_gets_the_same_file(self):
        self.bncheck("check", *VIOLATION)
        first = self.files()
        self.bncheck("check", *VIOLATION)
        self.assertEqual(self.files(), first)

    def test_climbs(self):
        words = ["check", "--cases", "10", "--seed", "5", "--law", "momentum_*"]
        self.assertNotIn("climbed", self.succeeds(*words))
        text = self.succeeds(*words, "--climb", "200ms")
        self.assertRegex(text, r"(?m)^  momentum_one_step: blind \S+, climbed \S+, \d+ evaluations: BatchNorm")
        # No bound applies there, so there is no ratio to climb.
        self.assertNotRegex(text, r"(?m)^  momentum_zero: blind")

    def test_out_of_time(self):
        result = self.bncheck("check", "--time", "1ms", "--cases", "1000000")
        self.assertEqual((result.returncode, result.stderr), (4, ""))
        self.assertIn("out of time", result.stdout)

    def test_nothing_applicable_is_inconclusive(self):
        result = self.bncheck("check", "--dialect", "darknet", "--law", "momentum_cumulative")
        self.assertEqual((result.returncode, result.stderr), (4, ""))
        self.assertIn("not applicable", result.stdout)

    def test_pipes_get_neither_colours_nor_progress(self):
        for environment in [{"NO_COLOR": "1"}, {"TERM": "xterm-256color"}]:
            result = self.bncheck("check", *VIOLATION, env=environment)
            self.assertNotIn("\x1b", result.stdout + result.stderr)
            self.assertNotIn("\r", result.stdout + result.stderr)

    def on_terminal(self, *words, env):
        """Output of the program on a terminal."""
        main, terminal = pty.openpty()
        with subprocess.Popen([BNCHECK, *words], cwd=self.folder, stdout=terminal, stderr=terminal,
                              env=env) as process:
            os.close(terminal)
            text = b""
            while True:
                try:
                    block = os.read(main, 65536)
                except OSError:  # the other end is closed
                    break
                if not block:
                    break
                text += block
        os.close(main)
        return process.returncode, text.decode()

    def test_a_terminal_gets_colours_unless_no_color_is_set(self):
        environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        environment["TERM"] = "xterm"
        status, text = self.on_terminal("check", *VIOLATION, env=environment)
        self.assertEqual(status, 1)
        self.assertIn("\x1b[31mwrong", text)
        status, text = self.on_terminal("check", *VIOLATION, env={**environment, "NO_COLOR": "1"})
        self.assertNotIn("\x1b[31m", text)
        self.assertIn("\x1b[K", text)  # progress

    def test_a_terminal_that_knows_no_escape_sequences_gets_none(self):
        environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
        for variables in [environment, {**environment, "TERM": "dumb"}]:
            status, text = self.on_terminal("check", *VIOLATION, env=variables)
            self.assertEqual(status, 1)
            self.assertNotIn("\x1b", text)

    def test_interrupted(self):
        # matches_oracle, then laws that do not depend on the running variance and would take for ever.
        words = ["check", "--cases", "100000000", "--json", "report.json", "--law", "?a*e", *VIOLATION[:2]]
        with subprocess.Popen([BNCHECK, *words], cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as process:
            head = process.stdout.readline()
            first = process.stdout.readline()  # the first law is violated; the second has begun or is about to
            process.send_signal(signal.SIGINT)
            rest, errors = process.communicate()
        self.assertEqual((process.returncode, errors), (130, ""))
        self.assertTrue(head.startswith("law "))
        self.assertRegex(first, r"^matches_oracle +wrong ")
        self.assertRegex(rest, r"(?m)^replay: bncheck replay ")
        self.assertRegex(rest, r"\nbn \S+: .* 1 wrong.* \(interrupted\)\n\Z")
        report = json.loads((self.folder / "report.json").read_text())
        self.assertTrue(report["interrupted"])
        self.assertEqual(report["laws"][0]["verdict"], "violated")


class Json(CliTest):
    def check_schema(self, report):
        self.assertEqual(set(report), KEYS)
        self.assertEqual(report["schema"], 2)
        for law in report["laws"]:
            self.assertEqual(set(law), LAW_KEYS)
            for measure in ("worst_ulp", "worst_ratio"):
                self.assertTrue(isinstance(law[measure], (int, float)) or law[measure] in ("inf", "nan"))

    def test_stdout_is_one_object_and_nothing_else(self):
        report = json.loads(self.succeeds("check", "--cases", "5", "--seed", "3", "--json", "-"))
        self.check_schema(report)
        laws = self.succeeds("list", "laws").splitlines()
        self.assertEqual([law["name"] for law in report["laws"]], [line.split()[0] for line in laws])
        self.assertEqual({law["verdict"] for law in report["laws"]}, {"holds"})
        self.assertEqual((report["subject"], report["seed"], report["violations"]), ("bn", 3, 0))
        self.assertEqual(report["cases"], 5 * len(laws))

    def test_a_file_beside_the_table(self):
        result = self.bncheck("check", *VIOLATION, "--json", "report.json")
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        self.assertIn("momentum_one", result.stdout)
        report = json.loads((self.folder / "report.json").read_text())
        self.check_schema(report)
        self.assertEqual((report["violations"], report["dialect"]), (1, "keras"))
        law = report["laws"][0]
        self.assertEqual((law["verdict"], law["rank"]), ("violated", "wrong"))
        self.assertTrue((self.folder / law["case_file"]).is_file())
        self.assertTrue(law["reason"])

    def test_violations_go_to_json_alone_too(self):
        result = self.bncheck("check", *VIOLATION, "--json", "-")
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        self.check_schema(json.loads(result.stdout))

    def test_a_place_that_cannot_be_written_is_refused_before_the_run(self):
        (self.folder / "file").write_text("kept")
        # With so many cases, only a refusal before the first one ends in time.
        words = ["check", "--cases", "100000000"]
        for name in ["missing/report.json", "file/report.json", "."]:
            self.refuses(*words, "--json", name, naming=name)
        for name in ["file", "file/below", ""]:
            self.refuses(*words, "--save", name, naming=name)
        self.assertEqual((self.folder / "file").read_text(), "kept")


class Store(CliTest):
    """Cases that violated a law are tried first the next time."""

    STORE = Path("bncheck-failures")

    def setUp(self):
        super().setUp()
        self.bncheck("check", *VIOLATION)
        self.path = next((self.folder / self.STORE).iterdir())

    def law(self, *words):
        return json.loads(self.bncheck("check", *VIOLATION, "--json", "-", *words).stdout)

    def test_the_stored_case_is_found_before_any_is_drawn(self):
        report = self.law()
        self.assertEqual((report["violations"], report["cases"]), (1, 0))
        self.assertEqual(report["stored"], {"tried": 1, "hold_again": 0})
        report = self.law("--no-database")
        self.assertEqual(report["violations"], 1)
        self.assertGreater(report["cases"], 0)
        self.assertEqual(report["stored"], {"tried": 0, "hold_again": 0})

    def test_what_another_violated_is_tried_too(self):
        words = ["--law", "momentum_one", "--cases", "5"]
        text = self.succeeds("check", *words)
        self.assertRegex(text, r"(?m)^1 stored case tried first$")
        text = self.succeeds("check", "bn_functional", *words)
        self.assertRegex(text, r"(?m)^1 stored case tried first$")

    def test_a_mended_case_stays_and_is_reported(self):
        # As if bn had violated the law in its own dialect.
        content = self.path.read_bytes()
        length = struct.unpack("<Q", content[:8])[0]
        header = json.loads(content[8:8 + length])
        header["__metadata__"]["note.dialect"] = "pytorch"
        text = json.dumps(header).encode()
        self.path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length:])
        before = self.path.read_bytes()
        text = self.succeeds("check", "--law", "momentum_one", "--cases", "5")
        self.assertRegex(text, r"(?m)^1 stored case tried first; 1 that bn violated holds again$")
        self.assertEqual(self.path.read_bytes(), before)

    def test_laws_that_are_not_asked_for_leave_it_alone(self):
        self.assertNotIn("stored", self.succeeds("check", "--law", "momentum_zero", "--cases", "5"))

    def test_damaged_files_cost_one_line_each(self):
        whole = self.path.read_bytes()
        self.path.write_bytes(whole[:-1])
        (self.folder / self.STORE / "two\nlines.safetensors").write_bytes(b"no case")
        (self.folder / self.STORE / "golden.safetensors").write_bytes(
            (GOLDEN / "three_rows.case.safetensors").read_bytes())
        (self.folder / self.STORE / "crash-of-a-fuzzer").write_bytes(b"no case file by name")
        result = self.bncheck("check", "--law", "momentum_one", "--cases", "5")
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stderr, r"\A(bncheck: [^\n]+\n){3}\Z")
        for part in [self.path.name, r"two\nlines", "golden.safetensors' is left out: it names no law"]:
            self.assertIn(part, result.stderr)
        self.assertRegex(result.stdout, r"(?m)^bn \S+: 1 law, 5 cases, .* 1 hold")


if __name__ == "__main__":
    run(__doc__)
