"""Reports of fuzz/campaign on targets that end in different ways; the targets are shell scripts.

Usage: campaign_test.py CAMPAIGN [unittest options]
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

CAMPAIGN = Path()


class Campaign(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_target(self, script):
        """Result of the campaign with this script as the target; `seconds` in it is the given time."""
        target = self.folder / "bin" / "fuzz_frame"
        target.parent.mkdir()
        target.write_text("#!/bin/sh\n" + script + "\n")
        target.chmod(0o755)
        return subprocess.run([CAMPAIGN, "fuzz_frame", "--time", "1s", "--build", self.folder, "--findings",
                               self.folder / "found"], capture_output=True, text=True, check=False)

    def test_a_target_that_runs_its_time_is_good(self):
        result = self.run_target("sleep 1.1; echo '#100 DONE cov: 5 ft: 6'")
        self.assertEqual((result.returncode, result.stderr), (0, ""), result.stdout)
        self.assertIn("100 executions", result.stdout)

    def test_a_target_that_ends_at_once_is_not(self):
        result = self.run_target("echo '#2 INITED'")
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertRegex(result.stdout, r"ended early +after 0\.\d of 1 s with status 0")

    def test_a_target_that_dies_of_a_sanitizer_is_not(self):
        result = self.run_target("echo 'runtime error: null pointer passed as argument 2'; exit 77")
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertRegex(result.stdout, r"ended early .* with status 77")
        self.assertIn("null pointer passed", result.stderr)


if __name__ == "__main__":
    CAMPAIGN = Path(sys.argv.pop(1)).absolute()
    unittest.main()
