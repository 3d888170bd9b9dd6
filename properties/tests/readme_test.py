"""Runs the commands of README.md unchanged. Usage: readme_test.py README PREFIX PYTHON WORK NAME

A block after <!-- test: NAME --> is run by bash in a folder below WORK, which is empty at first. A block after
<!-- test: NAME FILE --> is written to that file there. The lines of a block after <!-- output: NAME --> must be in the
output of the block run before, in this order, where ... matches anything. PREFIX is where bncheck is installed, PYTHON
a Python with numpy; without numpy, blocks that need it are skipped (exit status 77).
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

BLOCK = re.compile(r"^<!-- (test|output): (\w+)(?: (\S+))? -->\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def environment(prefix, python, work):
    """Environment that README assumes: bncheck and python3 on the path, PREFIX."""
    folder = work / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "python3").write_text(f'#!/bin/sh\nexec "{python}" "$@"\n')
    (folder / "python3").chmod(0o755)
    return {**os.environ, "PREFIX": str(prefix), "PATH": f"{prefix / 'bin'}:{folder}:{os.environ['PATH']}"}


def run(script, folder, env):
    result = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=env, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if result.returncode != 0:
        sys.exit(f"exit status {result.returncode} of\n{script}\n{result.stdout}")
    return result.stdout


def require(expected, output):
    """Every line of `expected` is a line of `output`, in this order."""
    lines = iter(output.splitlines())
    for line in expected.splitlines():
        pattern = ".*".join(re.escape(part) for part in line.split("..."))
        if not any(re.fullmatch(pattern, got) for got in lines):
            sys.exit(f"README promises the line\n{line}\nbut the output is\n{output}")


def main(readme, prefix, python, work, name):
    folder = work / name / "empty"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    blocks = [block.groups() for block in BLOCK.finditer(readme.read_text()) if block[2] == name]
    if not any(kind == "test" and file is None for kind, _, file, _ in blocks):
        sys.exit(f"README has no block to run after <!-- test: {name} -->")
    if any(file is not None and "numpy" in text for _, _, file, text in blocks):
        attempt = subprocess.run([python, "-c", "import numpy"], capture_output=True, text=True, check=False)
        if attempt.returncode != 0:
            print(f"skipped: {python} has no numpy ({attempt.stderr.rstrip().rpartition(': ')[2]})")
            sys.exit(77)
    env = environment(prefix, python, work / name)
    output = ""
    for kind, _, file, text in blocks:
        if kind == "output":
            require(text, output)
        elif file is None:
            output = run(text, folder, env)
        else:
            (folder / file).write_text(text)


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]).resolve(), sys.argv[3], Path(sys.argv[4]).resolve(), sys.argv[5])
