"""The script ./run with replacements for Debian's programs. Usage: run_script_test.py RUN [unittest options]."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

RUN = Path()
OPTIONAL = ["chromium", "python3-numpy"]


class Packages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.programs = self.folder / "programs"
        self.programs.mkdir()
        for name in ["bash", "dirname", "env", "grep", "mkdir", "cat"]:
            (self.programs / name).symlink_to(shutil.which(name))
        shutil.copy(RUN, self.folder / "run")
        self.log = self.folder / "log"
        for name in ["cmake", "ctest", "apt-get"]:
            self.program(name, f'echo "{name} $*" >> "{self.log}"')

    def program(self, name, line):
        path = self.programs / name
        path.write_text(f"#!{shutil.which('bash')}\n{line}\n")
        path.chmod(0o755)

    def run_test(self, user, missing):
        """./run test, as this user, with these packages missing."""
        self.log.write_text("")
        self.program("id", f"echo {user}")
        self.program("dpkg-query", f'case " {" ".join(missing)} " in *" ${{@: -1}} "*) exit 1 ;; esac\n'
                                   "echo install ok installed")
        result = subprocess.run([self.folder / "run", "test"], capture_output=True, text=True, check=False,
                                env={**os.environ, "PATH": str(self.programs)})
        return result, self.log.read_text()

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


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    RUN = Path(sys.argv[1]).resolve()
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
