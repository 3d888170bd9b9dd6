"""A copy of the sources with its own build tree, to be changed and built repeatedly."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

# Files that the build reads. The tests of other folders are copied because the build files name them; they
# are not built.
PARTS = ("CMakeLists.txt", "impl", "oracle", "properties", "fuzz")

BUILD_LIMIT = 3600  # seconds; a full build takes two minutes on an idle machine


@dataclass
class Outcome:
    """End of a program. `status` is negative for a signal, None if it exceeded its time limit."""

    status: int | None
    lines: list[str]
    seconds: float = 0.0

    @property
    def timed_out(self) -> bool:
        return self.status is None


class Workbench:
    """`folder`/source is the copy, `folder`/build its build tree; both are kept for the next use."""

    def __init__(self, project: Path, folder: Path) -> None:
        self.project = project.resolve()
        self.source = folder.resolve() / "source"
        self.build_tree = folder.resolve() / "build"
        self.restore()

    def restore(self) -> None:
        """Makes the copy equal to the project again, without touching files that are equal already."""
        wanted = set()
        for part in PARTS:
            root = self.project / part
            for original in [root] if root.is_file() else sorted(root.rglob("*")):
                if not original.is_file() or "__pycache__" in original.parts:
                    continue
                relative = original.relative_to(self.project)
                wanted.add(relative)
                copy = self.source / relative
                if copy.exists() and copy.read_bytes() == original.read_bytes():
                    continue
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(original, copy)
        for copy in list(self.source.rglob("*")):
            if copy.is_file() and copy.relative_to(self.source) not in wanted:
                copy.unlink()

    def configure(self, *options: str) -> None:
        """Raises subprocess.CalledProcessError. Warnings are no errors here: a mutant may leave a name unused."""
        self.build_tree.mkdir(parents=True, exist_ok=True)
        command = ["cmake", "-S", self.source, "-B", self.build_tree, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                   "-DBNCHECK_WERROR=OFF", "-DBNCHECK_PEERS=OFF", *options]
        subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def build(self, *targets: str) -> Outcome:
        return run(["ninja", "-C", str(self.build_tree), "-j", str(os.cpu_count() or 1), *targets], BUILD_LIMIT)

    def program(self, name: str) -> str:
        return str(self.build_tree / "bin" / name)

    def check(self, subject: str, *arguments: str, limit: float, stop_at_violation: bool = False) -> Outcome:
        """`bncheck check`; its findings are not kept."""
        command = [self.program("bncheck"), "check", subject, *arguments, "--seed", "1", "--no-database", "--save",
                   str(self.build_tree / "failures")]
        return run(command, limit, stops=violated if stop_at_violation else None)


def violated(row: str) -> bool:
    """Row of the report's table for a law that does not hold."""
    words = row.split()
    return len(words) > 1 and words[1] in ("violated", "died")


def run(command: list[str], limit: float, stops=None) -> Outcome:
    """Output and errors together. Ends the program after `limit` seconds, or after a line that `stops`."""
    # Threads that spin while they wait would take processor time from others; their number changes no result.
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=environment, text=True, errors="replace") as process:
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(limit, end)
        timer.start()
        begin = time.monotonic()
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if stops is not None and stops(line):
                process.kill()
                process.wait()
                timer.cancel()
                return Outcome(1, lines, time.monotonic() - begin)
        process.wait()
        timer.cancel()
    return Outcome(None if late.is_set() else process.returncode, lines, time.monotonic() - begin)
