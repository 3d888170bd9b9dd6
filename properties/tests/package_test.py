"""Builds and runs a project that uses the installed bncheck.

Usage: package_test.py CMAKE PREFIX COMPILER WORK"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

CONSUMER = Path(__file__).resolve().parent / "consumer"


def run(*words, cwd=None, env=None, status=0):
    """Output of a command, stderr included, which must exit with this status."""
    result = subprocess.run([*map(str, words)], cwd=cwd, env={**os.environ, **(env or {})}, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if result.returncode != status:
        sys.exit(f"{' '.join(map(str, words))}: exit status {result.returncode}, expected {status}\n{result.stdout}")
    return result.stdout


def expect(pattern, text):
    match = re.search(pattern, text, re.MULTILINE)
    if not match:
        sys.exit(f"expected {pattern!r} in\n{text}")
    return match


def check_laws(build, work):
    """A right BatchNorm passes; a wrong one fails with its smallest case, which also fails alone."""
    text = run(build / "my_batch_norm_test", cwd=work)
    expect(r"\[       OK \] MyBatchNorm\.matches_oracle ", text)
    expect(r"the subject does not say which zero and which NaN it returns\n.*SKIPPED", text)
    text = run(build / "wrong_batch_norm_test", "--gtest_filter=*.matches_oracle", cwd=work, status=1)
    expect(r"call \d+ running_var\[\d+\]: got .*, expected .* ulps", text)
    expect(r"the smallest case found:\n  BatchNorm1d", text)
    replay = expect(r"^replay: BNCHECK_CASE='(.*)' (.*) --gtest_filter='(.*)'$", text)
    expect("1 FAILED TEST", run("sh", "-c", replay[0].removeprefix("replay: "), cwd=work, status=1))
    text = run(build / "my_batch_norm_test", f"--gtest_filter={replay[3]}", cwd=work, env={"BNCHECK_CASE": replay[1]})
    expect(r"\[  PASSED  \] 1 test", text)


def main(cmake, prefix, compiler, work):
    consumer = work / "consumer"
    shutil.rmtree(consumer, ignore_errors=True)
    run(cmake, "-G", "Ninja", "-S", CONSUMER, "-B", consumer, f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_CXX_COMPILER={compiler}", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror")
    run(cmake, "--build", consumer, "--parallel", "2")
    expect(r"\A-0\.999995\d*\n\Z", run(consumer / "exact_answer"))
    check_laws(consumer, work)
    expect(r"\Abncheck \d", run(prefix / "bin/bncheck", "--version"))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
