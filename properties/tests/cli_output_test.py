"""Targets of output, and files of other types. Usage: cli_output_test.py BNCHECK CORPUS [unittest options]."""

import contextlib
import fcntl
import json
import os
import resource
import signal
import stat
import struct
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import cli_test
from cli_test import VIOLATION, CliTest

# A check of two cases.
BRIEF = ["check", "--law", "shape_preserved", "--cases", "2", "--seed", "1"]
# A check without end, after a first law that is violated.
ENDLESS = ["check", "--cases", "100000000", "--law", "?a*e", *VIOLATION[:2]]
ONE_LINE = r"\Abncheck: [^\n]+\n\Z"
# Seconds after which a command that should be refused at once is ended.
PATIENCE = 20


def no_core():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class OutputTest(CliTest):
    def bncheck(self, *words, env=None):
        return subprocess.run([cli_test.BNCHECK, *map(str, words)], cwd=self.folder, capture_output=True, text=True,
                              env={**os.environ, **(env or {})}, timeout=PATIENCE, check=False)

    def shell(self, line, *words, status=None, interpreter="sh"):
        """Runs a shell command in which "$@" is bncheck with these words."""
        result = subprocess.run([interpreter, "-c", line, interpreter, cli_test.BNCHECK, *map(str, words)],
                                cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
        if status is not None:
            self.assertEqual(result.returncode, status, (line, words, result.stderr))
        return result

    def complains(self, result, status, naming):
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertRegex(result.stderr, ONE_LINE)
        self.assertIn(naming, result.stderr)

    def link(self, name, target):
        (self.folder / name).symlink_to(target)
        return name


class Places(OutputTest):
    def test_an_open_file_is_written_where_it_is(self):
        self.link("out", "/proc/self/fd/1")
        with open(self.folder / "captured", "w+") as captured:
            before = os.fstat(captured.fileno()).st_ino
            status = subprocess.run([cli_test.BNCHECK, *BRIEF, "--json", "out"], cwd=self.folder, stdout=captured,
                                    check=False).returncode
        self.assertEqual(status, 0)
        self.assertTrue((self.folder / "out").is_symlink())
        self.assertEqual((self.folder / "captured").stat().st_ino, before)
        table, _, report = (self.folder / "captured").read_text().partition("\n{")
        self.assertTrue(table.startswith("law "))
        self.assertEqual(json.loads("{" + report)["laws"][0]["verdict"], "holds")
        self.assertEqual(self.files(), ["captured", "out"])

    def test_a_pipe_of_the_shell_is_written(self):
        result = self.shell('"$@" --json >(cat > copy; echo done >&2) >/dev/null', *BRIEF, status=0, interpreter="bash")
        self.assertNotIn("bncheck", result.stderr)

    def test_the_target_of_a_link_is_written(self):
        (self.folder / "kept").mkdir()
        self.link("report.json", "kept/report.json")
        for content in ["dangling", "there"]:
            self.succeeds(*BRIEF, "--json", "report.json")
            self.assertTrue((self.folder / "report.json").is_symlink(), content)
            self.assertFalse((self.folder / "kept/report.json").is_symlink())
            json.loads((self.folder / "kept/report.json").read_text())
        self.assertEqual(self.files(), ["kept", "kept/report.json", "report.json"])

    def test_permissions_stay(self):
        report = self.folder / "report.json"
        report.touch()
        for mode in [0o600, 0o660]:
            report.chmod(mode)
            self.succeeds(*BRIEF, "--json", "report.json")
            self.assertEqual(stat.S_IMODE(report.stat().st_mode), mode)
            json.loads(report.read_text())

    def test_a_link_that_leads_nowhere_is_refused_before_the_run(self):
        for name, target in [("astray", "nowhere/report.json"), ("circle", "circle")]:
            self.link(name, target)
            self.refuses(*ENDLESS, "--json", name, naming=name)


class EachReport(OutputTest):
    def test_one_that_cannot_be_written_loses_no_other(self):
        self.link("full", "/dev/full")
        result = self.bncheck("check", *VIOLATION, "--json", "full", "--junit", "junit.xml", "--report", "page.html")
        self.complains(result, 2, "'full'")
        self.assertEqual(ElementTree.parse(self.folder / "junit.xml").getroot().tag, "testsuite")
        self.assertIn("</html>", (self.folder / "page.html").read_text())
        self.assertIn("momentum_one", result.stdout)

        result = self.bncheck("compare", "bn", "--no-laws", "--cases", "1", "--json", "full", "--markdown", "page.md",
                              "--report", "full")
        self.assertEqual(result.returncode, 2)
        self.assertEqual(result.stderr.count("bncheck: cannot write 'full'"), 2)
        self.assertIn("bn", (self.folder / "page.md").read_text())

        result = self.bncheck("audit", "--fault", "eps_outside_root", "--law", "matches_oracle", "--only", "faults",
                              "--seeds", "1", "--cases", "2", "--json", "full", "--markdown", "audit.md")
        self.complains(result, 2, "'full'")
        self.assertTrue((self.folder / "audit.md").read_text())

        case, answer = (cli_test.GOLDEN / f"three_rows.{kind}.safetensors" for kind in ["case", "answer"])
        result = self.bncheck("judge", case, answer, "--json", "full")
        self.complains(result, 2, "'full'")
        self.assertIn("1 holds", result.stdout)

    def test_a_file_that_grows_too_large_is_an_error(self):
        # A control does not use OpenMP: LLVM's OpenMP keeps a file, and dies if that may not grow.
        result = self.shell('ulimit -f 8; exec "$@"', *BRIEF, "control:two_pass", "--report", "page.html", "--json",
                            "report.json")
        self.complains(result, 2, "'page.html': File too large")
        json.loads((self.folder / "report.json").read_text())
        self.assertEqual(self.files(), ["report.json"])

    def test_one_file_for_two_is_refused(self):
        (self.folder / "there").write_text("kept")
        self.link("link", "there")
        self.link("dangling", "new")
        for first, second in [("new", "new"), ("new", "./new"), ("new", "dangling"), ("there", "link"), ("-", "-")]:
            message = self.refuses(*ENDLESS, "--json", first, "--junit", second, naming=second)
            self.assertIn("--junit", message)
        self.refuses("compare", "bn", "--json", "new", "--report", "new", naming="new")
        self.refuses("audit", "--json", "new", "--markdown", "new", naming="new")
        self.assertEqual((self.folder / "there").read_text(), "kept")
        self.succeeds(*BRIEF, "--json", "/dev/null", "--junit", "/dev/null")


class Streams(OutputTest):
    """stdout and stderr that are full, closed or gone."""

    def setUp(self):
        super().setUp()
        self.link("full", "/dev/full")

    def test_stderr_changes_no_status(self):
        (self.folder / "bncheck-failures").mkdir()
        (self.folder / "bncheck-failures/bad.safetensors").touch()
        for away in ["2>full", "2>&-"]:
            self.shell(f'exec "$@" {away}', "check", "--law", "no such law", status=2)
            self.shell(f'exec "$@" {away}', "check", "no such subject", status=2)
            result = self.shell(f'exec "$@" {away}', "check", *VIOLATION, "--json", "report.json", status=1)
            self.assertRegex(result.stdout, r"(?m)^replay: ")
            self.assertEqual(json.loads((self.folder / "report.json").read_text())["violations"], 1)
            (self.folder / "report.json").unlink()

    def test_what_stdout_does_not_take_is_an_error(self):
        for words in [["--help"], ["--version"], ["check", "--help"], ["list", "laws"], BRIEF]:
            for away in [">full", ">&-"]:
                self.complains(self.shell(f'exec "$@" {away}', *words), 2, "stdout")

    def test_a_full_stdout_loses_no_report(self):
        for away in [">full", ">&-"]:
            self.complains(self.shell(f'exec "$@" {away}', "check", *VIOLATION, "--json", "report.json"), 2, "stdout")
            report = json.loads((self.folder / "report.json").read_text())
            self.assertEqual(report["violations"], 1)
            self.assertTrue((self.folder / report["laws"][0]["case_file"]).is_file())
            (self.folder / "report.json").unlink()

    def test_nothing_open_takes_the_place_of_what_is_closed(self):
        self.shell('exec "$@" <&- >&- 2>&-', "check", *VIOLATION, "--json", "report.json", status=2)
        self.assertEqual(json.loads((self.folder / "report.json").read_text())["violations"], 1)

    def test_a_reader_that_has_gone_ends_it_quietly(self):
        reader, writer = os.pipe()
        os.close(reader)
        result = subprocess.run([cli_test.BNCHECK, "list", "laws"], stdout=writer, stderr=subprocess.PIPE, text=True,
                                check=False)
        os.close(writer)
        self.assertEqual((result.returncode, result.stderr), (-signal.SIGPIPE, ""))

    def test_a_reader_of_stderr_that_has_gone_does_not(self):
        reader, writer = os.pipe()
        os.close(reader)
        (self.folder / "bncheck-failures").mkdir()
        (self.folder / "bncheck-failures/bad.safetensors").touch()
        result = subprocess.run([cli_test.BNCHECK, "check", *VIOLATION], cwd=self.folder, stdout=subprocess.PIPE,
                                stderr=writer, text=True, check=False)
        os.close(writer)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout, r"(?m)^replay: ")


class Signals(OutputTest):
    @contextlib.contextmanager
    def start(self, *words, **options):
        """A program that does not outlive what is done with it."""
        with subprocess.Popen([cli_test.BNCHECK, *words], cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, **options) as process:
            try:
                yield process
            finally:
                process.kill()

    def state(self, process):
        """State of the process as a letter of proc(5): S sleeps, Z has ended."""
        return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def ends_in_order(self, *numbers, **options):
        with self.start(*ENDLESS, "--json", "report.json", **options) as process:
            process.stdout.readline()
            process.stdout.readline()  # the first law is violated; the second takes for ever
            for number in numbers:
                process.send_signal(number)
            rest, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, errors), (130, ""), numbers)
        self.assertRegex(rest, r" 1 wrong.* \(interrupted\)\n\Z")
        self.assertTrue(json.loads((self.folder / "report.json").read_text())["interrupted"])
        (self.folder / "report.json").unlink()

    def test_any_request_to_end_keeps_what_was_found(self):
        for number in [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]:
            self.ends_in_order(number)

    def test_a_request_that_comes_twice_is_one(self):
        # timeout(1) signals the program, and then its process group.
        for number in [signal.SIGTERM, signal.SIGHUP]:
            self.ends_in_order(number, number)
        result = self.shell('timeout 1 "$@"', *ENDLESS, "--json", "report.json")
        self.assertEqual(result.stderr, "")
        self.assertTrue(json.loads((self.folder / "report.json").read_text())["interrupted"])

    def test_nohup(self):
        self.ends_in_order(signal.SIGHUP, signal.SIGTERM,
                           preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))

    def test_a_later_one_ends_it_at_once(self):
        # The pipe is not read, so the run does not end.
        os.mkfifo(self.folder / "pipe")
        with self.start(*ENDLESS, "--json", "pipe") as process:
            process.stdout.readline()
            process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            for line in process.stdout:
                if line.endswith("(interrupted)\n"):
                    break
            while process.poll() is None:
                process.send_signal(signal.SIGTERM)
        self.assertEqual(process.returncode, -signal.SIGTERM)

    def test_a_report_that_nobody_reads_is_given_up(self):
        for name in ["unopened", "unread"]:
            os.mkfifo(self.folder / name)
        reader = os.open(self.folder / "unread", os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)  # less than the size of the report
        for name in ["unopened", "unread"]:
            with self.start("check", "--law", "*s*", "--cases", "1", "--json", name, "--junit", f"{name}.xml") as process:
                while not process.stdout.readline().startswith("bn "):
                    pass
                # After its summary it writes reports, and sleeps only while it waits for a reader.
                while self.state(process) not in "SZ":
                    pass
                process.send_signal(signal.SIGTERM)
                _, errors = process.communicate(timeout=PATIENCE)
            self.assertEqual(process.returncode, 2)
            self.assertEqual(errors, f"bncheck: cannot write '{name}': Interrupted system call\n")
            ElementTree.parse(self.folder / f"{name}.xml")

    def test_no_temporary_is_left(self):
        for number, status in [(signal.SIGTERM, 130), (signal.SIGHUP, 130), (signal.SIGQUIT, -signal.SIGQUIT)]:
            with self.start("gen", "-o", "cases", "--cases", "1000000", preexec_fn=no_core) as process:
                while process.poll() is None and not list(self.folder.glob("*/*.case.safetensors")):
                    pass
                process.send_signal(number)
                self.assertEqual(process.communicate(timeout=PATIENCE), ("", ""))
            self.assertEqual((process.returncode, self.files()), (status, []))

    def test_an_interrupted_judgement_says_what_it_judged(self):
        case, answer = (cli_test.GOLDEN / f"three_rows.{kind}.safetensors" for kind in ["case", "answer"])
        os.mkfifo(self.folder / "pipe")
        with self.start("judge", "pipe", answer, answer, "--json", "report.json") as process:
            with open(self.folder / "pipe", "wb") as pipe:  # as soon as the case is being read
                process.send_signal(signal.SIGTERM)
                pipe.write(case.read_bytes())
            output, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, errors), (130, ""))
        self.assertRegex(output, r"1 output file .*: 1 holds \(interrupted\)\n\Z")
        report = json.loads((self.folder / "report.json").read_text())
        self.assertEqual((report["interrupted"], len(report["files"])), (True, 1))


class Durations(OutputTest):
    def test_more_than_a_year_is_refused(self):
        for option in ["--time", "--climb", "--case-timeout", "--start-timeout"]:
            for text in ["9999999h", "8761h", "31536000001ms", "99999999999999999999s"]:
                message = self.refuses(*BRIEF, option, text, naming=text)
                self.assertIn("8760h", message)

    def test_a_year_is_long(self):
        self.succeeds(*BRIEF, "--time", "8760h", "--case-timeout", "8760h", "--start-timeout", "525600m")


class Kinds(OutputTest):
    """Devices and pipes where a file is expected."""

    def test_the_store_takes_files_only(self):
        store = self.folder / "bncheck-failures"
        store.mkdir()
        os.mkfifo(store / "pipe.safetensors")
        (store / "zero.safetensors").symlink_to("/dev/zero")
        (store / "folder.safetensors").mkdir()
        result = self.bncheck(*BRIEF)
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stderr, r"\A(bncheck: stored case '[^\n]*' is left out: [^\n]*file\n){3}\Z")

    def test_a_device_is_no_case(self):
        self.link("zero", "/dev/zero")
        case = cli_test.GOLDEN / "three_rows.case.safetensors"
        for words in [["oracle", "zero"], ["replay", "zero"], ["judge", case, "zero"], ["judge", "zero", case]]:
            self.complains(self.bncheck(*words), 2, "'zero': it is a device")

    def test_a_pipe_is_one_where_the_user_gives_it(self):
        case, answer = (cli_test.GOLDEN / f"three_rows.{kind}.safetensors" for kind in ["case", "answer"])
        self.shell(f'"$@" <(cat {case}) --quiet', "replay", status=0, interpreter="bash")
        self.shell(f'"$@" <(cat {case}) <(cat {answer})', "judge", status=0, interpreter="bash")
        self.shell(f'"$@" /dev/stdin --quiet < {case}', "replay", status=0)
        for content in [case.read_bytes()[:-1], case.read_bytes() + b"\0"]:
            (self.folder / "damaged").write_bytes(content)
            result = self.shell('"$@" <(cat damaged)', "oracle", status=2, interpreter="bash")
            self.assertRegex(result.stderr, ONE_LINE)

    def test_a_pipe_without_end_is_given_up(self):
        result = self.shell('"$@" <(cat /dev/zero)', "oracle", status=2, interpreter="bash")
        self.assertRegex(result.stderr, ONE_LINE)

    def test_a_folder_of_outputs_has_files_only(self):
        self.succeeds("gen", "-o", "cases", "--kind", "training/integers", "--cases", "1")
        (self.folder / "outputs").mkdir()
        os.mkfifo(self.folder / "outputs/training-integers-0000.output.safetensors")
        self.complains(self.bncheck("judge", "cases", "outputs"), 2, "no regular file")


class DefaultFolder(OutputTest):
    """Findings are saved if possible; a failure is an error only if the user named the folder."""

    def test_where_it_cannot_be_written_the_findings_are_printed(self):
        (self.folder / "bncheck-failures").write_text("no folder")
        for more in [[], ["--no-database"]]:
            result = self.bncheck("check", *VIOLATION, "--json", "report.json", *more)
            self.complains(result, 1, "'bncheck-failures'")
            self.assertRegex(result.stdout, r"(?m)^momentum_one +wrong ")
            self.assertNotIn("replay: ", result.stdout)
            report = json.loads((self.folder / "report.json").read_text())
            self.assertEqual((report["violations"], report["laws"][0]["case_file"]), (1, None))
        result = self.bncheck("compare", "bn", "--cases", "1", "--law-cases", "1", "--seed", "1")
        self.complains(result, 0, "'bncheck-failures'")
        self.assertEqual((self.folder / "bncheck-failures").read_text(), "no folder")

    def test_where_the_user_names_it_it_is_refused(self):
        (self.folder / "bncheck-failures").write_text("no folder")
        for more in [[], ["--no-database"]]:
            self.refuses(*ENDLESS, "--save", "bncheck-failures", *more, naming="bncheck-failures")
        self.refuses("compare", "bn", "--save", "bncheck-failures", naming="bncheck-failures")

    def test_a_folder_that_cannot_be_written(self):
        self.folder.chmod(0o555)
        self.addCleanup(self.folder.chmod, 0o700)
        user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        words = [cli_test.BNCHECK, "check", *VIOLATION]
        try:
            result = subprocess.run(words, cwd=self.folder, capture_output=True, text=True, check=False, **user)
        except PermissionError:
            self.skipTest("the program is out of reach of an ordinary user")
        self.complains(result, 1, "'bncheck-failures' cannot be written: Permission denied")
        self.assertRegex(result.stdout, r"(?m)^momentum_one +wrong ")


class Manifests(OutputTest):
    def setUp(self):
        super().setUp()
        self.succeeds("gen", "-o", "cases", "--kind", "training/integers", "--cases", "1")
        (self.folder / "outputs").mkdir()
        self.manifest = self.folder / "cases/MANIFEST.json"

    def refused(self, text, why):
        self.manifest.write_text(text)
        self.assertIn(why, self.refuses("judge", "cases", "outputs", naming="MANIFEST.json"))

    def test_one_that_is_nested_deep(self):
        for opening, closing in [("[", "]"), ('{"a":', "}")]:
            deep = opening * 150_000 + "1" + closing * 150_000
            self.refused('{"schema":1,"dialect":"pytorch","files":' + deep + "}", "nested more than 8 deep")
            self.refused(deep, "")

    def test_one_that_gives_a_name_twice(self):
        text = self.manifest.read_text()
        self.refused(text.replace('"schema": 1,', '"schema": 2, "schema": 1,'), "'schema' twice")

    def test_something_else(self):
        for text in ["", "[]", "1", "{", "{}", '{"schema":1}']:
            self.refused(text, "manifest")


class Memory(OutputTest):
    """A case is read straight to its place in memory."""

    ELEMENTS = 1 << 25

    def peak(self, path):
        """Peak memory of a program that reads the case and then refuses an unknown law."""
        process = subprocess.Popen([cli_test.BNCHECK, "replay", path, "--law", "no such law"], cwd=self.folder,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        errors = process.stderr.read()
        process.stderr.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertIn(b"no such law", errors)
        return usage.ru_maxrss * 1024

    def test_a_large_case_takes_little_more_than_its_size(self):
        small = cli_test.GOLDEN / "three_rows.case.safetensors"
        whole = small.read_bytes()
        header = json.loads(whole[8:8 + struct.unpack("<Q", whole[:8])[0]])
        metadata = {key: text for key, text in header["__metadata__"].items() if not key.startswith("note.")}
        metadata.update({"num_features": "1", "affine": "false", "track_running_stats": "false"})
        size = 4 * self.ELEMENTS
        text = json.dumps({"__metadata__": metadata, "call.0.x": {
            "dtype": "F32", "shape": [self.ELEMENTS, 1], "data_offsets": [0, size]}}).encode()
        with open(self.folder / "large", "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            file.truncate(8 + len(text) + size)
        self.assertLess(self.peak("large") - self.peak(small), 1.3 * size)


if __name__ == "__main__":
    cli_test.run(__doc__)
