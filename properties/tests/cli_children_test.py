"""Processes of a subject: none is left behind, each is observed to its end, none ends bncheck.

Usage: cli_children_test.py BNCHECK PLUGINS [unittest options]; PLUGINS is the folder with misbehaving_plugin.so.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

import cli_foreign_test as foreign

PATIENCE = 60  # seconds; nothing here takes so long unless it is broken


def wait_until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


class Children(foreign.Foreign):
    def setUp(self):
        super().setUp()
        # A unique argument identifies a process; bncheck is given only the script.
        self.mark = f"{self.folder}/mark"
        Path(self.mark).touch()

    def script(self, text):
        """A command whose words are not in the command line of bncheck."""
        (self.folder / "subject.sh").write_text(text)
        return "exec:exec sh subject.sh"

    def marked(self):
        return [command.parent.name for command in Path("/proc").glob("[0-9]*/cmdline")
                if self.mark.encode() in foreign.contents(command)]

    def assert_nothing_left(self):
        left = not wait_until(lambda: not self.marked())
        for process in self.marked():  # a failing test must not leave it behind
            os.kill(int(process), signal.SIGKILL)
        self.assertFalse(left, "processes were left behind")

    def start(self, *words, **environment):
        process = subprocess.Popen([foreign.BNCHECK, *words], cwd=self.folder, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
        self.addCleanup(process.__exit__, None, None, None)
        self.addCleanup(process.kill)
        return process

    def control(self):
        return f"{foreign.BNCHECK} serve control:two_pass"


class Left(Children):
    """Processes of a subject that hangs, and of one that has left its group and session."""

    HANGING = "setsid tail -f /dev/null {0} &\nexec tail -f /dev/null {0}\n"

    def killed_by(self, number):
        process = self.start("check", self.script(self.HANGING.format(self.mark)))
        self.assertTrue(wait_until(lambda: len(self.marked()) == 2))
        process.send_signal(number)
        process.communicate(timeout=PATIENCE)
        self.assert_nothing_left()

    def test_bncheck_is_killed(self):
        self.killed_by(signal.SIGKILL)

    def test_bncheck_is_terminated(self):
        self.killed_by(signal.SIGTERM)

    def test_terminal_is_closed(self):
        self.killed_by(signal.SIGHUP)

    def test_subject_that_does_not_answer(self):
        self.cannot_start(self.script(self.HANGING.format(self.mark)), "no answer within 0.3 s", "--start-timeout",
                          "300ms")
        self.assert_nothing_left()

    def test_subject_that_ends_in_order(self):
        laws = self.check(self.script(f"setsid tail -f /dev/null {self.mark} &\nexec {self.control()}\n"), "--law",
                          "matches_oracle", status=0)
        self.assertEqual(laws["matches_oracle"]["verdict"], "holds")
        self.assert_nothing_left()

    def test_many_generations(self):
        """Each is an orphan when bncheck ends it."""
        orphan = f"(setsid sh -c 'tail -f /dev/null {self.mark} & (setsid tail -f /dev/null {self.mark} &)' &)\n"
        self.check(self.script(10 * orphan + f"exec {self.control()}\n"), "--law", "matches_oracle", status=0)
        self.assert_nothing_left()

    def test_keeper_is_killed(self):
        """Killed by its own subject, which must end with it."""
        self.cannot_start(self.script(f"kill -KILL $PPID\nexec tail -f /dev/null {self.mark}\n"), "closed its replies",
                          "--start-timeout", "10s")
        self.assert_nothing_left()

    def test_memory_of_a_process_that_left_the_group(self):
        hoard = f"hoard = bytearray(400 << 20); import time; time.sleep({PATIENCE})"
        self.cannot_start(self.script(f"setsid {sys.executable} -c '{hoard}' &\nexec tail -f /dev/null\n"),
                          "took too much memory", "--memory-limit", "300M", "--start-timeout", "10s")


class Interrupted(Children):
    def test_hanging_case_is_given_up(self):
        subject = f"exec:exec {sys.executable} {foreign.PROGRAM} hangs_and_says_so {self.control()}"
        process = self.start("check", subject, "--case-timeout", "1h", "--json", "-", "--law", "m*")
        self.assertTrue(wait_until((self.folder / "hangs").exists))
        process.send_signal(signal.SIGINT)
        report = json.loads(process.communicate(timeout=PATIENCE)[0])
        self.assertEqual(process.returncode, 130)
        self.assertTrue(report["interrupted"])
        self.assertEqual((report["violations"], len(report["laws"])), (0, 1))
        self.assertEqual(report["laws"][0]["verdict"], "inconclusive")
        self.assertEqual(report["laws"][0]["reason"], "interrupted after 0 cases")

    def test_subject_that_does_not_start(self):
        process = self.start("check", self.script(f"exec tail -f /dev/null {self.mark}\n"))
        self.assertTrue(wait_until(self.marked))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        self.assert_nothing_left()


class Ending(Children):
    """Faults that show when a subject is released."""

    def ends(self, subject, reason, *words, **environment):
        laws = self.check(subject, "--law", "matches_oracle", "--junit", "junit.xml", "--report", "report.html", *words,
                          **environment)
        self.assertEqual(laws["matches_oracle"]["verdict"], "holds")
        self.assert_finding(laws["ends_in_order"], "died", "^at its end the subject " + reason)
        for file in "junit.xml", "report.html":
            self.assertIn("ends_in_order", (self.folder / file).read_text())
        again = self.bncheck("replay", laws["ends_in_order"]["case_file"], "--subject", subject, *words, **environment)
        self.assertEqual(again.returncode, 1, again.stdout + again.stderr)
        self.assertRegex(again.stdout, "ends_in_order: died: at its end the subject " + reason)

    def plugin_ends(self, how, reason, *words):
        self.ends(f"plugin:{foreign.PLUGINS}/misbehaving_plugin.so", reason, *words, BNCHECK_MISBEHAVE=how)

    def test_abort_in_destroy(self):
        self.plugin_ends("abort_in_destroy", "died: SIGABRT")

    def test_abort_at_exit(self):
        self.plugin_ends("abort_at_exit", "died: SIGABRT")

    def test_status_at_exit(self):
        self.plugin_ends("status_at_exit", "left: with status 3")

    def test_hang_at_exit(self):
        self.plugin_ends("hang_at_exit", "hung: it was still there 1 s after the end", "--case-timeout", "1s")

    def test_program(self):
        self.ends(f"exec:{self.control()}; echo so long >&2; kill -SEGV $$", "died: SIGSEGV; its last words: so long")
        self.ends(f"exec:{self.control()}; exit 3", "left: with status 3")

    def test_much_to_say(self):
        """More output than a pipe holds."""
        self.check(f"exec:{self.control()}; head -c 5000000 /dev/zero >&2", "--law", "matches_oracle", status=0)

    def test_replay_of_another_law(self):
        plugin = f"plugin:{foreign.PLUGINS}/misbehaving_plugin.so"
        laws = self.check(plugin, "--law", "matches_oracle", BNCHECK_MISBEHAVE="x_changed")
        again = self.bncheck("replay", laws["matches_oracle"]["case_file"], "--subject", plugin,
                             BNCHECK_MISBEHAVE="abort_in_destroy")
        self.assertEqual(again.returncode, 1, again.stdout + again.stderr)
        self.assertIn("matches_oracle: holds", again.stdout)
        self.assertIn("ends_in_order: died: at its end the subject died: SIGABRT", again.stdout)

    def test_compare(self):
        result = self.bncheck("compare", f"exec:{self.control()}; exit 3", "--cases", "1", "--law-cases", "2", "--json",
                              "-")
        self.assertEqual(result.returncode, 0, result.stderr)
        violations = json.loads(result.stdout)["subjects"][0]["violations"]
        self.assertEqual([violation["law"] for violation in violations], ["ends_in_order"])


class Lost(Children):
    def test_program_that_vanishes(self):
        program = self.folder / "subject"
        program.write_text(f"#!/bin/sh\nrm {program}\nexec {sys.executable} {foreign.PROGRAM} dies_on_empty "
                           f"{self.control()}\n")
        program.chmod(0o755)
        result = self.bncheck("check", "exec:./subject", "--seed", "1", "--cases", "20", "--json", "-", "--law", "e*")
        self.assertEqual(result.returncode, 3, result.stdout[-3000:] + result.stderr)
        self.assertRegex(result.stderr, r"\Abncheck: subject 'exec:./subject' cannot be started again: .*not found\n\Z")
        report = json.loads(result.stdout)
        self.assertIn("cannot be started again", report["lost"])
        # Earlier findings are not lost.
        self.assertEqual([law["name"] for law in report["laws"] if law["verdict"] == "died"], ["empty_batch"])
        self.assertEqual(report["laws"][-1]["name"], "empty_batch")
        self.assertRegex(report["laws"][-1]["reason"], "the subject died: SIGABRT")

    def vanishing(self, moment):
        """A program that is gone when it has died, which it does at this moment."""
        program = self.folder / "subject"
        program.write_text(f"#!/bin/sh\nrm {program}\nexec {sys.executable} {foreign.PROGRAM} {moment} "
                           f"{self.control()}\n")
        program.chmod(0o755)

    def compared(self, *words, status=0):
        result = self.bncheck("compare", "exec:./subject", *words, "--seed", "1", "--cases", "1", "--law-cases", "20",
                              "--json", "report.json", "--markdown", "report.md", "--report", "report.html")
        self.assertEqual(result.returncode, status, result.stdout[-3000:] + result.stderr)
        self.assertRegex(result.stderr, r"\Abncheck: subject 'exec:./subject' cannot be started again: .*not found\n\Z")
        for text in [result.stdout, *((self.folder / name).read_text() for name in ["report.md", "report.html"])]:
            self.assertRegex(text, "was lost: subject .*exec:./subject.* cannot be started again: ")
        subjects = json.loads((self.folder / "report.json").read_text())["subjects"]
        self.assertIn("cannot be started again", subjects[0]["lost"])
        self.assertIsNone(subjects[0]["skipped"])
        return subjects

    def test_compare_keeps_what_was_found(self):
        self.vanishing("dies_on_empty")
        lost, right = self.compared("control:two_pass")
        self.assertEqual(len(lost["violations"]), 1)
        self.assertRegex(lost["violations"][0]["reason"], "the subject died: SIGABRT")
        self.assertTrue((self.folder / lost["violations"][0]["case_file"]).is_file())
        self.assertGreater(lost["laws"]["hold"], 0)
        self.assertEqual((lost["cases"], lost["elements"]), (right["cases"], right["elements"]))
        self.assertIsNone(right["lost"])

    def test_compare_keeps_what_was_measured(self):
        self.vanishing("dies_after_20")
        lost, right = self.compared("control:two_pass")
        self.assertEqual((lost["laws"], lost["deaths"]["cases"]), (None, 1))
        self.assertTrue(0 < lost["elements"] < right["elements"])

    def test_compare_of_none_that_came_to_its_end(self):
        self.vanishing("dies_after_20")
        self.assertEqual(len(self.compared(status=3)), 1)

    def test_plugin_that_vanishes(self):
        plugin = self.folder / "plugin.so"
        plugin.write_bytes((foreign.PLUGINS / "misbehaving_plugin.so").read_bytes())
        # The process that crashes hosts the plugin, whose file is gone by then.
        host = self.folder / "host"
        host.write_text(f'#!/bin/sh\n{foreign.BNCHECK} "$@"\nstatus=$?\nrm -f {plugin}\nexit $status\n')
        host.chmod(0o755)
        result = self.bncheck("check", f"plugin:{plugin}", "--law", "rank_rejected", "--json", "-",
                              BNCHECK_MISBEHAVE="crash_on_rank_1", BNCHECK_PROGRAM=str(host))
        self.assertEqual(result.returncode, 3, result.stdout[-3000:] + result.stderr)
        law = json.loads(result.stdout)["laws"][0]
        self.assertEqual((law["name"], law["verdict"]), ("rank_rejected", "died"))


class Many(Children):
    def test_compare_starts_each_at_its_turn(self):
        def few_descriptors():
            resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))
        subjects = 12 * [f"exec:{self.control()}"]
        result = subprocess.run([foreign.BNCHECK, "compare", *subjects, "--no-laws", "--cases", "1", "--json", "-"],
                                cwd=self.folder, capture_output=True, text=True, check=False,
                                preexec_fn=few_descriptors)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([subject["skipped"] for subject in json.loads(result.stdout)["subjects"]], 12 * [None])

    def test_compare_names_a_misspelt_subject_first(self):
        result = self.bncheck("compare", f"exec:touch {self.folder}/ran", "nobody", "--no-laws")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("unknown subject 'nobody'", result.stderr)
        self.assertFalse((self.folder / "ran").exists())


class Large(Children):
    """Replies and capabilities that would use up the memory of bncheck."""

    def test_reply_of_a_million_keys(self):
        subject = f"exec:exec {sys.executable} {foreign.PROGRAM} million_keys {self.control()}"
        process = self.start("check", subject, "--law", "matches_oracle", "--json", "report.json", "--seed", "1")
        peak = 0
        while process.poll() is None:
            status = foreign.contents(Path(f"/proc/{process.pid}/status")).decode()
            peak = max([peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))])
            time.sleep(0.01)
        law = json.loads((self.folder / "report.json").read_text())["laws"][0]
        self.assert_finding(law, "died", r"the header claims \d+ bytes, expected at most 1048576")
        self.assertTrue(0 < peak < 200 << 10, f"{peak} KiB")

    def test_absurd_capabilities(self):
        plugin = f"plugin:{foreign.PLUGINS}/misbehaving_plugin.so"
        for multiple in ["1000000000", "9223372036854775807", "0", "-3"]:
            self.cannot_start(plugin, f"'channel_multiple' is '{multiple}', expected an integer from 1 to 1024",
                              BNCHECK_MULTIPLE=multiple)
        for key, value, expected in [
                ("channel_multiple", "1000000000", "an integer from 1 to 1024"),
                ("channel_multiple", "9223372036854775807", "an integer from 1 to 1024"),
                ("channel_multiple", "9223372036854775808", "an integer below 2^63"),
                ("max_elements", "-1", "0 for no limit, or at least a channel_multiple, 1")]:
            subject = (f"exec:exec {sys.executable} {foreign.PROGRAM} {key}={value} {self.control()}")
            self.cannot_start(subject, f"'{key}' is '{value}', expected {expected}")


if __name__ == "__main__":
    foreign.BNCHECK = Path(sys.argv[1]).resolve()
    foreign.PLUGINS = Path(sys.argv[2]).resolve()
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
