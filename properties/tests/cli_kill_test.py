"""Commands that are killed at random moments: their files are complete, and none of their processes is left.

Usage: cli_kill_test.py BNCHECK PLUGINS [--count N] [--seed N]

Prints a line per command and signal: kills, half-written files, remaining processes, remaining temporary files. Only
SIGKILL, which cannot be caught, may leave temporary files. Exit status 1 if anything else is left.
"""

import argparse
import collections
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
import xml.dom.minidom
from pathlib import Path

HERE = Path(__file__).parent
PROGRAM = HERE / "subjects" / "misbehaving.py"
MARK = "BNCHECK_KILL_MARK"
GRACE = 20.0  # seconds within which all processes must be gone


def commands(bncheck, plugins):
    plugin = f"plugin:{plugins}/misbehaving_plugin.so"
    program = f"exec:{sys.executable} {PROGRAM} hangs_on_empty {bncheck} serve control:two_pass"
    reports = ["--json", "out.json", "--report", "out.html"]
    return {
        "check bn": ["check", "bn", *reports, "--junit", "out.xml", "--cases", "50"],
        "check fault": ["check", "fault:one_pass", *reports, "--cases", "50"],
        "check plugin": ["check", plugin, *reports, "--cases", "50"],
        "check program": ["check", program, *reports, "--cases", "20"],
        "compare": ["compare", "bn", plugin, program, *reports, "--markdown", "out.md", "--law-cases", "2", "--cases", "1"],
        "audit": ["audit", "--seeds", "1", "--cases", "4", "--control-cases", "4", *reports, "--save", "cases"],
        "gen": ["gen", "-o", "cases", "--cases", "40", "--with-answers"],
        "diagnose": ["diagnose", program, "--json", "out.json"],
    }


def is_whole(path):
    """Whether a file in a format of bncheck is complete."""
    content = path.read_bytes()
    try:
        if path.suffix == ".json":
            json.loads(content)
        elif path.suffix == ".xml":
            xml.dom.minidom.parseString(content)
        elif path.suffix == ".html":
            return content.rstrip().endswith(b"</html>")
        elif path.suffix == ".md":
            return content.endswith(b"\n")
        elif path.suffix == ".safetensors":
            length = int.from_bytes(content[:8], "little")
            header = json.loads(content[8:8 + length])
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
            return len(content) == 8 + length + max(ends, default=0)
        return True
    except (ValueError, xml.parsers.expat.ExpatError):
        return False


def running_with(mark):
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in environment.read_bytes():
                found.append(environment.parent.name)
        except OSError:
            continue
    return found


def left_running(mark):
    deadline = time.monotonic() + GRACE
    while (left := running_with(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def kill_once(bncheck, words, number, delay):
    """(half-written files, processes, temporary files) that are left by a command killed after this time."""
    mark = uuid.uuid4().hex
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tmp").mkdir()
        environment = {**os.environ, MARK: mark, "TMPDIR": str(folder / "tmp")}
        process = subprocess.Popen([bncheck, *words], cwd=folder, env=environment, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        process.wait()
        left = left_running(f"{MARK}={mark}".encode())
        for pid in left:
            os.kill(int(pid), signal.SIGKILL)
        files = [path for path in folder.rglob("*") if path.is_file()]
        temporary = [path for path in files if ".tmp" in str(path.relative_to(folder)) or (folder / "tmp") in path.parents]
        half = [path for path in files if path not in temporary and not is_whole(path)]
        if "gen" in words and (folder / "cases").is_dir() and not (folder / "cases" / "SHA256SUMS").exists():
            half.append(folder / "cases")
        return len(half), len(left), len(temporary)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bncheck", type=Path)
    parser.add_argument("plugins", type=Path)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=float, default=2.0, help="seconds before a kill")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    all_commands = commands(options.bncheck.resolve(), options.plugins.resolve())
    signals = [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP]
    totals = collections.Counter()
    bad = False
    names = list(all_commands)
    for index in range(options.count):
        name = names[index % len(names)]
        number = signals[index // len(names) % len(signals)] if options.count >= 32 else chance.choice(signals)
        half, left, temporary = kill_once(options.bncheck.resolve(), all_commands[name], number,
                                          chance.uniform(0, options.longest))
        counts = {"kills": 1, "half-written": half, "processes": left, "temporary": temporary}
        for key, value in counts.items():
            totals[name, number.name, key] += value
            totals["all", number.name, key] += value
        bad = bad or half > 0 or left > 0 or (temporary > 0 and number != signal.SIGKILL)
    for name in [*names, "all"]:
        for number in signals:
            row = [f"{key} {totals[name, number.name, key]}" for key in ("kills", "half-written", "processes", "temporary")]
            if totals[name, number.name, "kills"]:
                print(f"{name:<14} {number.name:<8} " + ", ".join(row))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
