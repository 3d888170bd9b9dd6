"""The script ./run with replacements for Debian's programs. Usage: run_script_test.py RUN [unittest options]."""

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import unittest
from pathlib import Path

RUN = Path()
OPTIONAL = ["chromium", "python3-numpy"]


def readme_block(beginning):
    """The lines that README shows in a block that begins so, as a regular expression; ... stands for anything."""
    page = (RUN.parent / "README.md").read_text()
    block = re.search(rf"^```\n({re.escape(beginning)}.*?)^```$", page, re.MULTILINE | re.DOTALL)[1]
    return "[^\n]*".join(re.escape(part) for part in block.split("..."))


class ScriptTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.programs = self.folder / "programs"
        self.programs.mkdir()
        shutil.copy(RUN, self.folder / "run")
        self.write_program(self.programs / "id", "echo 1000")
        self.write_program(self.programs / "dpkg-query", "echo install ok installed")
        self.env = {**os.environ, "PATH": str(self.programs)}

    def write_program(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!{shutil.which('bash')}\n{text}\n")
        path.chmod(0o755)

    def stand_in(self, *programs):
        """These programs of the system, and no other one."""
        for name in programs:
            (self.programs / name).symlink_to(shutil.which(name))

    def run_script(self, *words):
        return subprocess.run([self.folder / "run", *words], capture_output=True, text=True, check=False, env=self.env,
                              stdin=subprocess.DEVNULL)

    def run_on_terminal(self, *words, columns=100, kind="xterm"):
        """Exit status, stdout, and what a terminal of that width gets from stderr."""
        terminal, stderr = pty.openpty()
        self.addCleanup(os.close, terminal)
        fcntl.ioctl(stderr, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        with subprocess.Popen([self.folder / "run", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=stderr, text=True, env={**self.env, "TERM": kind}) as process:
            os.close(stderr)
            shown = b""
            try:
                while part := os.read(terminal, 4096):
                    shown += part
            except OSError:  # the other end is closed
                pass
            stdout = process.communicate()[0]
        return process.returncode, stdout, shown.decode().replace("\r\n", "\n")


class Packages(ScriptTest):
    def setUp(self):
        super().setUp()
        self.stand_in("bash", "dirname", "env", "grep", "mkdir", "cat")
        self.log = self.folder / "log"
        for name in ["cmake", "ctest", "apt-get"]:
            self.program(name, f'echo "{name} $*" >> "{self.log}"')

    def program(self, name, line):
        self.write_program(self.programs / name, line)

    def run_test(self, user, missing):
        """./run test, as this user, with these packages missing."""
        self.log.write_text("")
        self.program("id", f"echo {user}")
        self.program("dpkg-query", f'case " {" ".join(missing)} " in *" ${{@: -1}} "*) exit 1 ;; esac\n'
                                   "echo install ok installed")
        return self.run_script("test"), self.log.read_text()

    def test_optional_ones_are_done_without(self):
        result, log = self.run_test(1000, OPTIONAL)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stderr, r"\Arun: going on without chromium python3-numpy[^\n]*\n\Z")
        self.assertIn("ctest --preset release", log)
        self.assertNotIn("apt-get", log)

    def test_required_ones_are_not(self):
        result, log = self.run_test(1000, ["libfmt-dev"])
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stderr, r"\Arun: neither root nor sudo; please run: sudo apt-get install [^\n]*"
                                        r" libfmt-dev\n\Z")
        self.assertEqual(log, "")

    def test_root_installs_both(self):
        result, log = self.run_test(0, ["chromium", "libfmt-dev"])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(log, r"apt-get install [^\n]* chromium ")
        self.assertRegex(log, r"apt-get install [^\n]* libfmt-dev ")
        self.assertIn("ctest --preset release", log)

    def test_a_mirror_without_the_optional_ones(self):
        self.program("apt-get", f'echo "apt-get $*" >> "{self.log}"; exit 100')
        result, log = self.run_test(0, OPTIONAL)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("run: going on without chromium python3-numpy", result.stderr)
        self.assertIn("ctest --preset release", log)

    def test_nothing_is_missing(self):
        result, log = self.run_test(1000, [])
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertNotIn("apt-get", log)


PLAN = """[1/3] Building CXX object a.o
[2/3] Building C object b.o
[3/3] Linking CXX executable bin/bncheck
"""
FAILURE = """[0/2] Re-checking globbed directories...
[1/3] Building CXX object a.o
a.cpp:1:1: warning: unused
[2/3] Building C object b.o
FAILED: b.o
/usr/bin/cc -c b.c
b.c:1:1: error: unknown
    1 | x

ninja: build stopped: subcommand failed.
"""


class Build(ScriptTest):
    def setUp(self):
        super().setUp()
        self.stand_in("bash", "dirname", "env", "grep", "mkdir", "cat")
        self.write_program(self.folder / "build/release/bin/bncheck", 'echo "bncheck $*"')
        self.will_build(PLAN)

    def will_build(self, plan, output=None, status=0):
        """Ninja has this plan; cmake --build prints that, or what the plan says."""
        (self.folder / "plan").write_text(plan)
        (self.folder / "output").write_text(plan if output is None else output)
        self.write_program(self.programs / "ninja", f'[[ " $* " = *" -n "* ]] && cat "{self.folder}/plan"')
        self.write_program(self.programs / "cmake",
                           f'[ "$1" = --build ] || exit 0; cat "{self.folder}/output"; exit {status}')

    def test_the_first_time(self):
        result = self.run_script("check", "--cases", "1")
        self.assertEqual((result.returncode, result.stdout), (0, "bncheck check --cases 1\n"))
        self.assertRegex(result.stderr, r"\Arun: compiling bncheck for the first time, 2 files \(then: checks\)\n"
                                        r"run: compiled 2 files in \d+ s\n\Z")
        self.assertRegex(result.stderr, rf"\A{readme_block('run: compiling')}\Z")

    def test_a_change(self):
        (self.folder / "build/release/.ninja_log").touch()
        self.will_build("[1/1] Building CXX object a.o\n")
        result = self.run_script("build", "release", "bncheck", "bn_tests")
        self.assertEqual((result.returncode, result.stdout), (0, ""))
        self.assertRegex(result.stderr,
                         r"\Arun: compiling 2 targets, 1 file\nrun: compiled 1 file in \d+ s\n\Z")

    def test_nothing_to_compile(self):
        for plan in ["ninja: no work to do.\n", "[1/1] Linking CXX executable bin/bncheck\n"]:
            self.will_build(plan)
            result = self.run_script("check")
            self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "bncheck check\n", ""))
            self.assertEqual(self.run_on_terminal("check"), (0, "bncheck check\n", ""))

    def test_a_terminal_sees_one_line(self):
        status, stdout, shown = self.run_on_terminal("check")
        self.assertEqual((status, stdout), (0, "bncheck check\n"))
        self.assertRegex(shown.replace("\r\x1b[K", "|"), r"""(?x)\A
            \|run:\ compiling\ bncheck\ for\ the\ first\ time,\ 0\ of\ 2\ files\ \(then:\ checks\)
            \|run:\ compiling\ bncheck\ for\ the\ first\ time,\ 1\ of\ 2\ files\ \(then:\ checks\)
            \|run:\ compiling\ bncheck\ for\ the\ first\ time,\ 2\ of\ 2\ files\ \(then:\ checks\)
            \|run:\ compiled\ 2\ files\ in\ \d+\ s\n\Z""")

    def test_a_narrow_terminal_has_room_for_it(self):
        lines = re.split(r"\r\x1b\[K|\n", self.run_on_terminal("check", columns=40)[2])
        self.assertIn("run: compiling bncheck for the first ti", lines)
        self.assertLess(max(map(len, lines)), 40)

    def test_a_terminal_that_cannot_go_back(self):
        self.assertRegex(self.run_on_terminal("check", kind="dumb")[2],
                         r"\A[ -~]*, 2 files \(then: checks\)\nrun: compiled 2 files in \d+ s\n\Z")

    def test_a_failure_is_shown_in_full(self):
        self.will_build(PLAN, FAILURE, status=7)
        result = self.run_script("check")
        self.assertEqual((result.returncode, result.stdout), (7, ""))
        shown = "".join(line + "\n" for line in FAILURE.splitlines() if not line.startswith("["))
        self.assertRegex(result.stderr, r"\Arun: compiling [^\n]*\n" + re.escape(shown) +
                         r"run: the build failed after \d+ s; all that it printed is in build/release\.build\.log\n\Z")
        self.assertEqual((self.folder / "build/release.build.log").read_text(), FAILURE)
        status, _, shown_there = self.run_on_terminal("check")
        self.assertEqual(status, 7)
        self.assertIn("\r\x1b[K" + shown, shown_there)

    def test_a_failure_to_link(self):
        output = "[1/1] Linking CXX executable bin/bncheck\nFAILED: bin/bncheck\nno room\n"
        self.will_build("[1/1] Linking CXX executable bin/bncheck\n", output, status=1)
        result = self.run_script("check")
        self.assertEqual(result.returncode, 1)
        self.assertTrue(result.stderr.startswith("FAILED: bin/bncheck\nno room\nrun: the build failed"), result.stderr)

    def test_a_failure_to_configure(self):
        self.write_program(self.programs / "cmake", 'echo "CMake Error: $*"; exit 7')
        result = self.run_script("check")
        self.assertEqual((result.returncode, result.stdout, result.stderr),
                         (1, "", "CMake Error: --preset release\n"))

    def test_ninja_has_another_name(self):
        (self.programs / "ninja").unlink()
        result = self.run_script("check")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "bncheck check\n", ""))


def log_of(name, *lines):
    """What ctest's log says of a test."""
    return "\n".join(["----------------------------------------------------------", f"1/9 Testing: {name}", "Output:",
                      *lines, "<end of output>", "Test Passed.", f'"{name}" end time: Nov 28 14:44 UTC', ""])


def of_googletest(name, reason):
    return log_of(name, f"[ RUN      ] {name}", "/tests/a_test.cpp:3: Skipped", reason, f"[  SKIPPED ] {name} (0 ms)")


PROGRESS = "      Start  1: a\n 1/9 Test  #1: a ...***Skipped   0.01 sec\n\n"
SUMMARY = "90% tests passed, 1 tests failed out of 9\n\nTotal Test time (real) =   1.07 sec\n"


def did_not_run(*tests):
    return "\nThe following tests did not run:\n" + "".join(f"\t  {k} - {t}\n" for k, t in enumerate(tests, 1))


class Skipped(ScriptTest):
    def setUp(self):
        super().setUp()
        self.stand_in("bash", "dirname", "env", "grep", "mkdir", "cat", "awk")
        self.write_program(self.programs / "cmake", "")

    def expect(self, shown, output, log=None, status=0):
        """ctest prints `output` and ./run test what is `shown`."""
        logs = self.folder / "build/release/Testing/Temporary"
        logs.mkdir(parents=True, exist_ok=True)
        if log is not None:
            (logs / "LastTest.log").write_text(log)
        (self.folder / "output").write_text(output)
        self.write_program(self.programs / "ctest", f'echo "$*" >"{self.folder}/words"; cat "{self.folder}/output"\n'
                                                    f"exit {status}")
        result = self.run_script("test", "-R", "a b")
        self.assertEqual((result.returncode, result.stderr), (status, ""))
        self.assertEqual(result.stdout, shown)
        self.assertEqual((self.folder / "words").read_text(), "--preset release -R a b\n")

    def test_reasons_are_counted_before_the_summary(self):
        summary = SUMMARY + did_not_run("b (Skipped)", "A.B (Skipped)", "c d (Skipped)", "e (Skipped)", "f (Disabled)")
        log = (log_of("c d", "skipped: there is no numpy") + of_googletest("A.B", "no /dev/full here") +
               log_of("e") + log_of("f") + log_of("b", "noise", "skipped: there is no numpy") +
               log_of("g", "skipped: x"))
        self.expect(PROGRESS + "skipped: 2 tests: there is no numpy\nskipped: 1 test: no /dev/full here\n"
                    "skipped: 1 test: no reason given\nskipped: 1 test: disabled\n\n" + summary,
                    PROGRESS + summary, log, status=8)

    def test_readme_shows_it(self):
        summary = "100% tests passed, 0 tests failed out of 9\n"
        shown = "skipped: 1 test: there is no chromium on the path\n\n" + summary
        self.assertRegex(shown, rf"\A{readme_block('skipped: ')}\Z")
        absent = did_not_run("report.browser (Skipped)")
        self.expect(shown + absent, summary + absent,
                    log_of("report.browser", "skipped: there is no chromium on the path"))

    def test_a_test_without_a_reason_does_not_get_that_of_another(self):
        summary = SUMMARY + did_not_run("A.B (Skipped)", "A.C (Skipped)")
        self.expect("skipped: 1 test: here is none\nskipped: 1 test: no reason given\n\n" + summary, summary,
                    of_googletest("A.B", "here is none") + of_googletest("A.C", ""))

    def test_a_part_of_a_test(self):
        log = (log_of("a", "skipped: every subject is available", "Ran 2 tests in 0.1s", "", "OK (skipped=1)") +
               log_of("b", "OK") + log_of("c", "skipped: every subject is available"))
        summary = SUMMARY + did_not_run("c (Skipped)")
        self.expect("skipped: part of 1 test: every subject is available\n\n" + SUMMARY, SUMMARY, log)
        self.expect("skipped: 1 test: every subject is available\n"
                    "skipped: part of 1 test: every subject is available\n\n" + summary, summary, log)

    def test_nothing_is_skipped(self):
        self.expect(PROGRESS + SUMMARY, PROGRESS + SUMMARY, log_of("a", "skipped: not by ctest's count"))

    def test_no_log(self):
        summary = SUMMARY + did_not_run("a (Skipped)")
        self.expect("skipped: 1 test: no reason given\n\n" + summary, summary)

    def test_what_is_no_run_of_tests_is_passed_on(self):
        for output in ["", "Total Tests: 9\n", "  Test  #1: a\n\n\tindented \\ text  \n"]:
            self.expect(output, output, of_googletest("a", "of an earlier run"))

    def test_a_test_that_runs_ctest(self):
        inner = "50% tests passed, 1 tests failed out of 2\n\nThe following tests did not run:\n\t  1 - x (Skipped)\n"
        for next_line in [" 2/9 Test  #2: b ...   Passed\n", "      Start 10: c\n"]:
            self.expect(inner + next_line + SUMMARY, inner + next_line + SUMMARY, "")


PROJECT = """cmake_minimum_required(VERSION 3.25)
project(toy LANGUAGES C)
file(GLOB sources CONFIGURE_DEPENDS *.c)
add_executable(bncheck ${sources})
set_target_properties(bncheck PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
enable_testing()
add_test(NAME holds COMMAND bncheck)
add_test(NAME reason COMMAND sh -c "echo skipped: there is no numpy; exit 77")
add_test(NAME googletest COMMAND sh -c "echo /a_test.cpp:3: Skipped; echo no room; echo '[  SKIPPED ] a'")
set_tests_properties(reason PROPERTIES SKIP_RETURN_CODE 77)
set_tests_properties(googletest PROPERTIES SKIP_REGULAR_EXPRESSION "SKIPPED")
"""


class RealTools(ScriptTest):
    """What CMake, Ninja and ctest print is what the script reads."""

    def setUp(self):
        super().setUp()
        self.env |= {"PATH": f"{self.programs}:{os.environ['PATH']}", "LC_ALL": "C"}
        (self.folder / "CMakeLists.txt").write_text(PROJECT)
        shutil.copy(RUN.parent / "CMakePresets.json", self.folder)
        (self.folder / "main.c").write_text("int f(void);\nint main(void) { return f(); }\n")
        (self.folder / "f.c").write_text("int f(void) { return 0; }\n")

    def test_build_and_test(self):
        result = self.run_script("test")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stderr, r"\Arun: compiling everything for the first time, 2 files \(then: tests\)\n"
                                        r"run: compiled 2 files in \d+ s\n\Z")
        self.assertRegex(result.stdout, r"(?m)^skipped: 1 test: there is no numpy\nskipped: 1 test: no room\n\n"
                                        r"100% tests passed, 0 tests failed out of 3\n")
        result = self.run_script("check")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        (self.folder / "f.c").write_text('#warning "one"\nint f(void) { return zero; }\n')
        result = self.run_script("check")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r"\Arun: compiling bncheck, 1 file \(then: checks\)\nFAILED: .*\n")
        self.assertIn("one", result.stderr)
        self.assertRegex(result.stderr, r"f\.c:2:\d+: error: .*zero")
        self.assertNotRegex(result.stderr, r"(?m)^\[\d")
        (self.folder / "f.c").write_text("int f(void) { return 1; }\n")
        self.assertIn("1 of 1 file (then: tests)", self.run_on_terminal("test")[2])
        self.assertEqual(self.run_script("test").returncode, 8)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    RUN = Path(sys.argv[1]).resolve()
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
