"""Foreign BatchNorms that misbehave, one test each: their fault is reported correctly, and the check goes on.

Usage: cli_foreign_test.py BNCHECK PLUGINS [unittest options]; PLUGINS is the folder with plugin_example.so and
misbehaving_plugin.so.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BNCHECK = Path()
PLUGINS = Path()
PROGRAM = Path(__file__).parent / "subjects" / "misbehaving.py"


def contents(path):
    """Of a file that may be gone by now."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


class Foreign(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def bncheck(self, *words, **environment):
        # A sanitizer would turn the plugin's signal into an exit.
        environment = {**os.environ, "ASAN_OPTIONS": "handle_segv=0:detect_leaks=0", **environment}
        return subprocess.run([BNCHECK, *map(str, words)], cwd=self.folder, capture_output=True, text=True,
                              env=environment, check=False)

    def check(self, subject, *words, status=1, **environment):
        """All laws of the report by name, from a check that ran to its end."""
        result = self.bncheck("check", subject, "--seed", "1", "--cases", "20", "--json", "-", *words, **environment)
        self.assertEqual(result.returncode, status, result.stdout[-3000:] + result.stderr)
        report = json.loads(result.stdout)
        self.assertFalse(report["interrupted"])
        return {law["name"]: law for law in report["laws"]}

    def assert_finding(self, law, verdict, reason):
        self.assertEqual(law["verdict"], verdict, law)
        self.assertRegex(law["reason"], reason)
        self.assertTrue((self.folder / law["case_file"]).is_file())

    def cannot_start(self, subject, naming, *words, **environment):
        """One line on stderr and exit status 3."""
        result = self.bncheck("check", subject, *words, **environment)
        self.assertEqual((result.returncode, result.stdout), (3, ""), result.stderr)
        self.assertRegex(result.stderr, r"\Abncheck: [^\n]+\n\Z")
        self.assertIn(naming, result.stderr)


class Plugin(Foreign):
    """The buffers of a plugin belong to bncheck, so writes outside of them are found."""

    def misbehave(self, how, *words, **more):
        return self.check(f"plugin:{PLUGINS}/misbehaving_plugin.so", *words, BNCHECK_MISBEHAVE=how, **more)

    def test_example_holds_every_law_it_can_be_asked(self):
        laws = self.check(f"plugin:{PLUGINS}/plugin_example.so", status=0)
        self.assertEqual({law["verdict"] for law in laws.values()}, {"holds", "not applicable"})
        self.assertEqual(laws["matches_oracle"]["verdict"], "holds")
        self.assertEqual(laws["one_value_rejected"]["verdict"], "holds")

    def test_without_fault_holds(self):
        laws = self.misbehave("no", status=0)
        self.assertEqual(laws["rank_rejected"]["verdict"], "holds")

    def test_crash_on_rank_1(self):
        laws = self.misbehave("crash_on_rank_1", "--law", "*rejected")
        # ThreadSanitizer's runtime handles the signal and exits with its own status.
        self.assert_finding(laws["rank_rejected"], "died",
                            r"the subject (died: SIGSEGV|left: with status 66; its last words: ==\d+==ABORTING)")
        self.assertEqual(laws["one_value_rejected"]["verdict"], "holds")

    def test_hang_on_empty(self):
        laws = self.misbehave("hang_on_empty", "--law", "*m*", "--case-timeout", "200ms")
        self.assert_finding(laws["empty_batch"], "died", "the subject hung: no answer within 0.2 s")
        self.assertEqual(laws["matches_oracle"]["verdict"], "holds")

    def test_one_vector_past_y(self):
        laws = self.misbehave("vector_past_y", "--law", "m*")
        self.assert_finding(laws["matches_oracle"], "died", "the subject wrote outside its output: around y")

    def test_x_changed(self):
        laws = self.misbehave("x_changed", "--law", "m*")
        self.assert_finding(laws["matches_oracle"], "died", "the subject changed its input: x")

    def test_weight_changed(self):
        laws = self.misbehave("weight_changed", "--law", "m*")
        self.assert_finding(laws["matches_oracle"], "died", "the subject changed its input: weight")

    def test_statistics_written_by_an_empty_batch(self):
        laws = self.misbehave("empty_batch_writes", "--law", "empty_batch")
        self.assert_finding(laws["empty_batch"], "violated", "an empty batch changed the state")

    def test_what_it_lacks_survives_a_dialect(self):
        laws = self.misbehave("no_cumulative", "--law", "m*", "--dialect", "pytorch,saved=none", status=0)
        self.assertEqual(laws["momentum_cumulative"]["verdict"], "not applicable")
        self.assertEqual(laws["matches_oracle"]["verdict"], "holds")

    def test_a_lone_bias_is_asked_for_where_it_is_declared(self):
        laws = self.misbehave("lone_bias_lost", "--law", "*m*")
        self.assertIn("violated", {law["verdict"] for law in laws.values()})
        for law in laws.values():
            if law["verdict"] == "violated":
                self.assertIn(b'"affine":"bias"', contents(self.folder / law["case_file"]))
        self.misbehave("lone_bias_undeclared", "--law", "*m*", status=0)

    def test_no_status(self):
        laws = self.misbehave("no_status", "--law", "matches_oracle")
        self.assert_finding(laws["matches_oracle"], "died", "broke the protocol: returned 4711, which is no status")

    def test_device_lost(self):
        laws = self.misbehave("device_lost", "--law", "matches_oracle")
        self.assert_finding(laws["matches_oracle"], "died", "it cannot go on: the device fell off the bus")

    def test_wrong_capabilities(self):
        plugin = f"plugin:{PLUGINS}/misbehaving_plugin.so"
        self.cannot_start(plugin, "it declares an operation that its table has not",
                          BNCHECK_MISBEHAVE="backward_without_function")
        self.cannot_start(plugin, "'dtypes' is 'f8', expected", BNCHECK_MISBEHAVE="no_such_dtype")
        self.cannot_start(plugin, "it has ABI version 99, expected 1", BNCHECK_MISBEHAVE="other_abi")
        self.cannot_start(plugin, "no device found", BNCHECK_MISBEHAVE="no_device")

    def test_no_plugin(self):
        self.cannot_start("plugin:missing.so", "there is no such file")
        (self.folder / "text.so").write_text("int main;")
        self.cannot_start("plugin:text.so", "text.so")
        self.cannot_start("plugin:/lib/x86_64-linux-gnu/libm.so.6", "no function bncheck_plugin_table")


class Program(Foreign):
    def subject(self, fault):
        return f"exec:exec {sys.executable} {PROGRAM} {fault} {BNCHECK} serve control:two_pass"

    def misbehave(self, fault, *words, **more):
        return self.check(self.subject(fault), *words, **more)

    def test_without_fault_holds(self):
        laws = self.misbehave("nothing", status=0)
        self.assertEqual({law["verdict"] for law in laws.values()}, {"holds", "not applicable"})
        self.assertEqual(laws["matches_oracle"]["verdict"], "holds")

    def test_hang_on_empty(self):
        laws = self.misbehave("hangs_on_empty", "--law", "*m*", "--case-timeout", "500ms")
        self.assert_finding(laws["empty_batch"], "died", "the subject hung: no answer within 0.5 s")
        self.assertEqual(laws["matches_oracle"]["verdict"], "holds")

    def test_death_and_last_words(self):
        laws = self.misbehave("dies_on_empty", "--law", "e*")
        self.assert_finding(laws["empty_batch"], "died", "died: SIGABRT; its last words: a bad shape")

    def test_exit_in_mid_frame(self):
        laws = self.misbehave("leaves_in_mid_frame", "--law", "matches_oracle")
        self.assert_finding(laws["matches_oracle"], "died", r"left: with status 7, .*after \d+ of a frame's \d+ bytes")

    def test_short_frame(self):
        laws = self.misbehave("short_frame", "--law", "matches_oracle")
        self.assert_finding(laws["matches_oracle"], "died", "broke the protocol: .*(the header claims|data_offsets)")

    def test_garbage(self):
        laws = self.misbehave("garbage", "--law", "matches_oracle")
        self.assert_finding(laws["matches_oracle"], "died",
                            "broke the protocol: expected a frame, which begins with 'bncheck1', but got 'S'")

    def test_oversized_frame(self):
        laws = self.misbehave("oversized", "--law", "matches_oracle")
        self.assert_finding(laws["matches_oracle"], "died",
                            "broke the protocol: a frame claims 1152921504606846976 bytes, expected at most")

    def test_bytes_after_the_frame(self):
        laws = self.misbehave("chatters_after", "--law", "matches_oracle")
        self.assert_finding(laws["matches_oracle"], "died", "broke the protocol: 4 bytes follow the frame")

    def test_noise_on_stdout_does_no_harm(self):
        laws = self.misbehave("noisy", "--law", "m*", status=0)
        self.assertEqual(laws["matches_oracle"]["verdict"], "holds")

    def test_memory_hunger(self):
        laws = self.misbehave("hungry", "--law", "matches_oracle", "--memory-limit", "300M", "--case-timeout", "60s")
        self.assert_finding(laws["matches_oracle"], "died",
                            r"took too much memory: [\d.]+ GiB, the limit is 0.29 GiB")

    def test_wrong_size(self):
        laws = self.misbehave("wrong_size", "--law", "matches_oracle")
        self.assert_finding(laws["matches_oracle"], "died", r"broke the protocol: y has shape \[.*\], expected \[")

    def test_wrong_dtype(self):
        laws = self.misbehave("wrong_dtype", "--law", "matches_oracle")
        self.assert_finding(laws["matches_oracle"], "died", "broke the protocol: y is F16, expected F32")

    def test_an_impossible_counter(self):
        for fault in ["counts_below_zero", "counts_to_the_end"]:
            laws = self.misbehave(fault, "--law", "*m*", "--junit", "junit.xml", "--report", "report.html")
            self.assertNotIn("died", {law["verdict"] for law in laws.values()})
            self.assert_finding(laws["momentum_one_step"], "violated", "num_batches_tracked is -1|num_batches_tracked is 9")
            self.assertIn("momentum_one_step", (self.folder / "junit.xml").read_text())
            self.assertTrue((self.folder / "report.html").is_file())

    def test_an_impossible_counter_costs_no_other_subject_its_row(self):
        result = self.bncheck("compare", self.subject("counts_below_zero"), "control:two_pass", "--cases", "1",
                              "--law-cases", "2", "--seed", "1", "--json", "-")
        self.assertEqual((result.returncode, result.stderr), (0, ""), result.stdout[-2000:])
        self.assertIn("control:two_pass", result.stdout)

    def test_wrong_capabilities(self):
        self.cannot_start(self.subject("unknown_dialect"), "klingon")
        self.cannot_start(self.subject("four_dimensions"), "'dimensions' is '4', expected")
        laws = self.misbehave("claims_exactness", "--law", "matches_oracle")
        self.assert_finding(laws["matches_oracle"], "violated", r"within the subject's claim \(exact\)")

    def test_no_program(self):
        self.cannot_start("exec:./missing", "not found")
        self.cannot_start("exec:echo hello", "its last words: hello")
        self.cannot_start("exec:sleep 60", "no answer within 0.3 s", "--start-timeout", "300ms")

    def test_over_stdin_and_stdout(self):
        """As at the far end of ssh, without descriptor 3 and without its environment variable."""
        far = f"exec:env -u BNCHECK_REQUESTS -u BNCHECK_REPLIES {BNCHECK} serve control:two_pass 3<&- 4>&-"
        laws = self.check(far, "--law", "m*", status=0)
        self.assertEqual(laws["matches_oracle"]["verdict"], "holds")
        laws = self.check(far.replace("exec:", "exec:echo welcome to the board; exec "), "--law", "m*", status=0)
        self.assertEqual(laws["matches_oracle"]["verdict"], "holds")

    def test_nothing_is_left_behind(self):
        """Nothing is left, not even processes that a hanging program has started."""
        mark = f"{self.folder}/mark"
        (self.folder / "hang.sh").write_text(f"tail -f /dev/null {mark} & exec sleep 60\n")
        (self.folder / "mark").write_text("")
        self.cannot_start("exec:sh hang.sh", "no answer within", "--start-timeout", "300ms")
        left = [command for command in Path("/proc").glob("[0-9]*/cmdline") if mark.encode() in contents(command)]
        self.assertEqual(left, [])


class Options(Foreign):
    def test_replay_of_a_death(self):
        result = self.bncheck("check", f"plugin:{PLUGINS}/misbehaving_plugin.so", "--law", "matches_oracle", "--seed",
                              "1", "--cases", "5", BNCHECK_MISBEHAVE="x_changed")
        self.assertEqual(result.returncode, 1)
        line = next(line for line in result.stdout.splitlines() if "bncheck replay" in line)
        words = line[line.index("bncheck replay"):].split()[1:]
        again = self.bncheck(*words, BNCHECK_MISBEHAVE="x_changed")
        self.assertEqual(again.returncode, 1, again.stdout + again.stderr)
        self.assertIn("changed its input: x", again.stdout)

    def test_limits_are_named_where_they_are_wrong(self):
        for option, value in [("--case-timeout", "5"), ("--start-timeout", "soon"), ("--memory-limit", "8")]:
            result = self.bncheck("check", option, value)
            self.assertEqual(result.returncode, 2)
            self.assertIn(f"{option} is '{value}', expected a number with a unit", result.stderr)


if __name__ == "__main__":
    BNCHECK = Path(sys.argv[1]).resolve()
    PLUGINS = Path(sys.argv[2]).resolve()
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
