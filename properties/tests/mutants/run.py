#!/usr/bin/env python3
"""Applies one patch to a copy of the sources and expects the laws that it names to be violated.

Exit status: 0 as expected; 1 not as expected; 2 the patch is unreadable, does not apply or does not compile.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from workbench import Workbench, violated

CASES = "200"
LIMIT = 300  # seconds, for a program that needs a few


class Unusable(Exception):
    """Error of a patch, in one line."""


@dataclass
class Hunk:
    path: str
    old: str
    new: str


@dataclass
class Patch:
    """A unified diff against the project's root under a header of 'Name: value' lines."""

    laws: list[str]
    subject: str
    hunks: list[Hunk]


def read_patch(path: Path) -> Patch:
    text = path.read_text()
    header, _, diff = text.partition("--- ")
    fields = dict(re.findall(r"^(\w+): *(.+)$", header, re.MULTILINE))
    if "Law" not in fields:
        raise Unusable(f"{path.name}: expected a header 'Law: NAME', got none")
    hunks: list[Hunk] = []
    target = ""
    for line in ("--- " + diff).splitlines():
        if line.startswith("--- "):
            continue
        if line.startswith("+++ "):
            target = re.sub(r"^b/", "", line[4:].split("\t")[0])
        elif line.startswith("@@"):
            hunks.append(Hunk(target, "", ""))
        elif not line or line[0] in " -+":
            kind, content = (line[:1] or " "), line[1:] + "\n"
            if kind in " -":
                hunks[-1].old += content
            if kind in " +":
                hunks[-1].new += content
        else:
            raise Unusable(f"{path.name}: expected a line of a diff, got '{line}'")
    if not hunks:
        raise Unusable(f"{path.name}: expected a diff, got none")
    return Patch(fields["Law"].split(), fields.get("Subject", "bn"), hunks)


def apply(patch: Patch, source: Path, name: str) -> None:
    """Applies the patch by content, not by line number: the old lines of a hunk must occur exactly once."""
    for hunk in patch.hunks:
        file = source / hunk.path
        text = file.read_text() if file.is_file() else ""
        if text.count(hunk.old) != 1:
            raise Unusable(f"{name}: expected to find the old lines in {hunk.path} once, "
                           f"found them {text.count(hunk.old)} times")
        file.write_text(text.replace(hunk.old, hunk.new))


def build(bench: Workbench, name: str) -> None:
    outcome = bench.build("bncheck")
    if outcome.status != 0:
        raise Unusable("\n".join([f"{name}: does not compile", *outcome.lines[-30:]]))


def expect_violations(bench: Workbench, patch: Patch, name: str) -> bool:
    """Every law of the header, by itself, exits with 1 and is reported as violated."""
    found = True
    for law in patch.laws:
        outcome = bench.check(patch.subject, "--law", law, "--cases", CASES, limit=LIMIT)
        rows = [line for line in outcome.lines if line.startswith(law + " ")]
        killed = outcome.status == 1 and any(violated(row) for row in rows)
        status = "no end" if outcome.timed_out else f"exit {outcome.status}"
        print(f"{name}: {law} on {patch.subject} {'is violated' if killed else 'does not see it'} ({status})")
        if not killed:
            print("\n".join(outcome.lines))
        found = found and killed
    return found


def expect_all_hold(bench: Workbench, patches: list[Path]) -> bool:
    """The laws that the patches name hold on the unchanged sources."""
    named = {(patch.subject, law) for patch in map(read_patch, patches) for law in patch.laws}
    hold = True
    for subject, law in sorted(named):
        outcome = bench.check(subject, "--law", law, "--cases", CASES, limit=LIMIT)
        print(f"unpatched: {law} on {subject} {'holds' if outcome.status == 0 else 'does not hold'}")
        if outcome.status != 0:
            print("\n".join(outcome.lines))
        hold = hold and outcome.status == 0
    return hold


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(__file__).resolve().parent
    parser.add_argument("patch", help="a patch, or 'unpatched': every law that a patch names holds without it")
    parser.add_argument("--source", type=Path, default=here.parents[2], help="the project (default: this one)")
    parser.add_argument("--work", type=Path, default=Path("build/mutants"),
                        help="folder for the copy and its build tree, kept for the next patch (%(default)s)")
    arguments = parser.parse_args()
    name = Path(arguments.patch).name
    bench = Workbench(arguments.source, arguments.work)
    try:
        if arguments.patch == "unpatched":
            bench.configure()
            build(bench, name)
            return 0 if expect_all_hold(bench, sorted(here.glob("*.patch"))) else 1
        patch = read_patch(Path(arguments.patch))
        apply(patch, bench.source, name)
        bench.configure()
        build(bench, name)
        return 0 if expect_violations(bench, patch, name) else 1
    except (Unusable, OSError) as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
