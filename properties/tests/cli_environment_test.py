"""Changes by a right plugin to its own process, and state inherited from a parent, change no verdict.

Usage: cli_environment_test.py BNCHECK PLUGINS TESTS [unittest options]; PLUGINS is the folder with
environment_plugin.so, TESTS the folder with the programs oracle_tests and properties_tests. Exit status 77: the
tests cannot be run here.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BNCHECK = Path()
PLUGINS = Path()
TESTS = Path()
LOCALE = "de_DE.UTF-8"
CHECK = ["--seed", "1", "--cases", "10", "--law", "m*"]


class EnvironmentTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_program(self, *words, **more):
        """Its result; `more` may have environment variables as `variables`, and arguments of subprocess.run."""
        environment = {**os.environ, **more.pop("variables", {})}
        return subprocess.run([*map(str, words)], cwd=self.folder, capture_output=True, text=True, env=environment,
                              check=False, **more)

    def check(self, *words, **more):
        """The report of a check in which every law held."""
        result = self.run_program(BNCHECK, "check", *words, *CHECK, "--json", "report.json", **more)
        self.assertEqual((result.returncode, result.stderr), (0, ""), result.stdout[-3000:])
        report = json.loads((self.folder / "report.json").read_text())
        self.assertFalse(report["interrupted"])
        laws = {law["name"]: law["verdict"] for law in report["laws"]}
        self.assertEqual(laws["matches_oracle"], "holds")
        return laws

    def plugin_holds(self, trick, **variables):
        self.check(f"plugin:{PLUGINS}/environment_plugin.so", variables={"BNCHECK_MISBEHAVE": trick, **variables})


class Arithmetic(EnvironmentTest):
    """Its rounding mode and similar settings end with its call."""

    def test_nothing(self):
        self.plugin_holds("nothing")

    def test_rounding(self):
        self.plugin_holds("rounding")

    def test_traps(self):
        self.plugin_holds("traps")

    def test_flags(self):
        self.plugin_holds("flags")

    def test_flush_to_zero(self):
        self.plugin_holds("flush_to_zero")

    def test_x87(self):
        self.plugin_holds("x87")


class Process(EnvironmentTest):
    """All other settings stay as the plugin sets them, and bncheck does not depend on them."""

    def test_numpunct(self):
        self.plugin_holds("numpunct")

    def test_directory(self):
        plugin = os.path.relpath(PLUGINS / "environment_plugin.so", self.folder)
        self.check(f"plugin:{plugin}", variables={"BNCHECK_MISBEHAVE": "directory"})

    def test_umask(self):
        self.plugin_holds("umask")

    def test_signals(self):
        self.plugin_holds("signals")

    def test_timer(self):
        self.plugin_holds("timer")

    def test_environment(self):
        self.plugin_holds("environment")

    def test_streams(self):
        self.plugin_holds("streams")

    def test_terminate(self):
        self.plugin_holds("terminate")


class Descriptors(EnvironmentTest):
    def test_not_blocking(self):
        self.plugin_holds("not_blocking")

    def test_not_blocking_3_and_4(self):
        self.plugin_holds("not_blocking_3_and_4")

    def test_closed(self):
        self.plugin_holds("closed")

    def test_closed_to_255(self):
        self.plugin_holds("closed_to_255")

    def test_redirected(self):
        self.plugin_holds("redirected")

    def test_a_host_whose_descriptors_do_not_block(self):
        """Descriptors made non-blocking by a program that shares them: 3 and 4, or 0 and 1 if they carry the frames."""
        start = "import os, sys; [os.set_blocking(int(k), False) for k in sys.argv[1]]; os.execv(sys.argv[2], sys.argv[2:])"
        serve = f"'{BNCHECK}' serve control:two_pass"
        for numbers, prefix, end in (("0134", "", ""), ("01", "env -u BNCHECK_REQUESTS -u BNCHECK_REPLIES ", " 3<&- 4>&-")):
            self.check(f"exec:{prefix}'{sys.executable}' -c '{start}' {numbers} {serve}{end}")

    def test_a_host_with_few_descriptors(self):
        self.check(f"exec:ulimit -n 20; exec '{BNCHECK}' serve control:two_pass")


class Locale(EnvironmentTest):
    """A locale with a decimal comma, made here if the system has the tools."""

    @classmethod
    def setUpClass(cls):
        if shutil.which("localedef") is None:
            raise unittest.SkipTest("there is no localedef")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        language, charset = LOCALE.split(".")
        # Its exit status also reports warnings that do not concern this test.
        subprocess.run(["localedef", "-i", language, "-f", charset, Path(folder.name) / LOCALE], capture_output=True,
                       check=False)
        if not (Path(folder.name) / LOCALE / "LC_NUMERIC").is_file():
            raise unittest.SkipTest("localedef makes no de_DE; it is in the package 'locales'")
        # glibc's newlocale leaks its copy of LOCPATH, which LeakSanitizer attributes to the plugin.
        suppressions = Path(folder.name) / "suppressions"
        suppressions.write_text("leak:argz_add_sep\n")
        cls.variables = {"LOCPATH": folder.name, "LC_ALL": LOCALE,
                         "LSAN_OPTIONS": f"suppressions={suppressions}:print_suppressions=0"}

    def test_of_the_environment_alone(self):
        self.check(variables=self.variables)

    def test_set_by_a_plugin(self):
        self.plugin_holds("c_locale", **self.variables)

    def test_set_globally_by_a_plugin(self):
        self.plugin_holds("named_locale", **self.variables)

    def test_set_by_a_program_that_uses_the_libraries(self):
        variables = {**self.variables, "BNCHECK_TEST_LOCALE": LOCALE}
        for program, tests in (("oracle_tests", "Locale.*"), ("properties_tests", "InALocale.*")):
            result = self.run_program(TESTS / program, f"--gtest_filter={tests}", variables=variables)
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
            self.assertRegex(result.stdout, r"PASSED +\] [1-9]")


class Parent(EnvironmentTest):
    """State that a process inherits from its parent, mostly by accident."""

    def test_ignored_and_blocked_signals(self):
        def unlucky():
            for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGALRM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        self.check(f"plugin:{PLUGINS}/environment_plugin.so", preexec_fn=unlucky)

    def test_a_blocked_signal_interrupts_all_the_same(self):
        # matches_oracle is violated; then come laws that do not depend on the running variance, which take
        # for ever.
        words = ["check", "--cases", "100000000", "--law", "?a*e", "--dialect", "keras"]
        with subprocess.Popen([BNCHECK, *words], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])) as process:
            try:
                process.stdout.readline()
                process.stdout.readline()  # the first law is violated; the second has begun or is about to
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=60)
            finally:
                process.kill()
        self.assertEqual(process.returncode, 130)

    def test_stdout_that_does_not_block(self):
        """bncheck waits for a pipe that is full for a moment."""
        whole = self.run_program(BNCHECK, "list", "faults").stdout
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        os.set_blocking(writing, False)
        full = b"\n" * 4096
        self.assertEqual(os.write(writing, full), len(full))
        with subprocess.Popen([BNCHECK, "list", "faults"], stdout=writing, stderr=subprocess.PIPE) as process:
            os.close(writing)
            with open(reading, "rb") as pipe:
                # If it gives up, it does so before the pipe is read: nothing else makes room.
                text = b"" if self.ends_while_full(process) else pipe.read()
            errors = process.stderr.read()
        self.assertEqual((process.returncode, errors), (0, b""))
        self.assertEqual(text.decode(), full.decode() + whole)

    @staticmethod
    def ends_while_full(process):
        """Whether it has ended, rather than waiting for the pipe (state S in Linux)."""
        while process.poll() is None:
            if Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "S":
                return False
        return True

    def test_closed_streams(self):
        """Results that cannot be written are an error; progress messages are not."""
        for number, status in ((0, 0), (1, 2), (2, 0)):
            with self.subTest(closed=number):
                result = self.run_program(BNCHECK, "check", "control:two_pass", *CHECK, "--json", "report.json",
                                          preexec_fn=lambda: os.close(number))
                self.assertEqual(result.returncode, status, result.stderr)

    def test_no_room_for_an_error(self):
        """The exit status is enough."""
        for unlucky in (lambda: os.close(2), lambda: os.dup2(os.open("/dev/full", os.O_WRONLY), 2)):
            result = self.run_program(BNCHECK, "check", "--no-such-option", preexec_fn=unlucky)
            self.assertEqual(result.returncode, 2)


if __name__ == "__main__":
    BNCHECK, PLUGINS, TESTS = (Path(word).resolve() for word in sys.argv[1:4])
    program = unittest.main(argv=[sys.argv[0], *sys.argv[4:]], exit=False)
    # unittest only counts them; ./run reads the reasons in ctest's log.
    for _, reason in program.result.skipped:
        print(f"skipped: {reason}")
    tried = program.result.testsRun > 0 or not program.result.skipped
    sys.exit(not program.result.wasSuccessful() if tried else 77)
