"""Checks the examples in Python as their users do. Usage: cli_python_test.py BNCHECK PROPERTIES [unittest options].
The same Python runs the examples; exits with 77 if it has no numpy."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

try:
    import numpy as np
except ImportError as reason:
    print(f"skipped: {sys.executable} has no numpy ({reason})")
    sys.exit(77)

BNCHECK = Path()
EXAMPLES = Path()


class ExampleTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def bncheck(self, *words, **env):
        return subprocess.run([BNCHECK, *map(str, words)], cwd=self.folder, capture_output=True, text=True,
                              env={**os.environ, **env}, check=False)

    def check(self, example, *words, **env):
        """Exit status and JSON of a check of this example."""
        result = self.bncheck("check", f"exec:'{sys.executable}' '{EXAMPLES / example}'", "--no-database",
                              "--seed", "1", "--json", "out.json", *words, **env)
        self.assertIn(result.returncode, (0, 1, 4), result.stderr)
        return result.returncode, json.loads((self.folder / "out.json").read_text())


class Numpy(ExampleTest):
    def test_it_holds_its_laws(self):
        _, found = self.check("numpy_subject.py", "--cases", "20")
        violated = [law["name"] for law in found["laws"] if law["verdict"] not in ("holds", "not applicable")]
        self.assertEqual(violated, [])
        self.assertEqual(found["version"], np.__version__)
        holding = {law["name"] for law in found["laws"] if law["verdict"] == "holds"}
        for law in ("matches_oracle", "backward_matches_oracle", "channel_mismatch_rejected", "momentum_cumulative"):
            self.assertIn(law, holding)

    def test_a_wrong_dialect_is_seen(self):
        status, found = self.check("numpy_subject.py", "--cases", "12", "--law", "momentum_one", "--dialect",
                                   "pytorch,running_var=population")
        self.assertEqual((status, found["laws"][0]["verdict"]), (1, "violated"))

    def test_its_answers_to_a_file_are_judged(self):
        case = EXAMPLES.parents[2] / "corpus/golden/three_rows.case.safetensors"
        subprocess.run([sys.executable, EXAMPLES / "numpy_subject.py", "--answer", case, "output.safetensors"],
                       cwd=self.folder, check=True)
        result = self.bncheck("judge", case, "output.safetensors")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)


class Absent(ExampleTest):
    def test_an_example_without_its_package_says_so(self):
        for example, package in (("torch", "torch"), ("onnxruntime", "onnxruntime"), ("jax", "flax"),
                                 ("keras", "keras")):
            reason = f"No module named '{package}'"
            (self.folder / f"{package}.py").write_text(f"raise ImportError({reason!r})\n")
            result = self.bncheck("check", f"exec:'{sys.executable}' '{EXAMPLES / example}_subject.py'",
                                  PYTHONPATH=str(self.folder))
            self.assertEqual(result.returncode, 3, result.stderr)
            self.assertRegex(result.stderr, r"\Abncheck: [^\n]+\n\Z")
            self.assertIn(f"cannot start: {reason}", result.stderr)


if __name__ == "__main__":
    BNCHECK, EXAMPLES = (Path(sys.argv.pop(1)).resolve() for _ in range(2))
    EXAMPLES = EXAMPLES / "subjects/examples"
    unittest.main()
