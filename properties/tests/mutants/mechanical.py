#!/usr/bin/env python3
"""Mechanical mutants of impl/src: one operator, constant, condition or statement changed at a time.

A mutant that compiles is run with the unit tests and, whatever their result, with the laws on bn and bn_functional.
Prints the numbers of killed mutants, by file and by operator, and writes the survivors with their diffs.
"""

from __future__ import annotations

import argparse
import difflib
import json
import random
import re
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from workbench import BUILD_LIMIT, Outcome, Workbench, run, violated

# A mutant hangs if it takes this many times as long as the unchanged sources, and at least half a minute.
PATIENCE = 10
LEAST_LIMIT = 30.0

# ---- finding places


@dataclass(frozen=True)
class Mutant:
    file: str
    operator: str
    begin: int  # start of the replaced text
    end: int
    replacement: str

    def applied(self, text: str) -> str:
        return text[:self.begin] + self.replacement + text[self.end:]

    def line(self, text: str) -> int:
        return text.count("\n", 0, self.begin) + 1


def blanked(text: str) -> str:
    """The same text with spaces in place of comments, string literals, directives and static assertions, which may
    not change."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*'
        r"|\bstatic_assert\s*\(.*?\);|\b(?:template|using|namespace|class|struct|friend)\b[^\n]*",
        re.DOTALL | re.MULTILINE)
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


# clang-format puts spaces around binary operators, and none around template brackets, references and
# pointers.
BINARY = {
    "arithmetic": {"+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "+=": "-=", "-=": "+=", "*=": "/=",
                   "/=": "*=", "<<": ">>", ">>": "<<", "<<=": ">>=", ">>=": "<<=", "&": "|", "|": "&", "|=": "&="},
    "boundary": {"<": "<=", "<=": "<", ">": ">=", ">=": ">"},
    "equality": {"==": "!=", "!=": "=="},
    "logic": {"&&": "||", "||": "&&"},
}
STATEMENT = re.compile(r"(?:\+\+|--)?(?:\*)?[A-Za-z_][\w.:]*(?:->[\w.]+)*"
                       r"(?:\([^;{}]*\)|\[[^;{}]*\])*(?:\.\w+)?\s*(?:[-+*/%|]?=[^=][^;{}]*|\+\+|--)?;")


def binary_mutants(file: str, code: str):
    for operator, swaps in BINARY.items():
        for match in re.finditer(r"(?<=[\w)\]\"]) ([-+*/%<>=!&|]{1,3}) (?=[\w(\-!+*&\"])", code):
            if match[1] in swaps:
                yield Mutant(file, operator, match.start(1), match.end(1), swaps[match[1]])
    for match in re.finditer(r"\+\+|--", code):
        yield Mutant(file, "arithmetic", match.start(), match.end(), "--" if match[0] == "++" else "++")


def constant_mutants(file: str, code: str):
    for match in re.finditer(r"(?<![\w.])(\d+)(\.\d+)?([FLU]*)(?![\w.])", code):
        for change in (1, -1):
            value = int(match[1]) + change
            if value >= 0 or not match[3].startswith("U"):
                text = f"{value}{match[2] or ''}{match[3]}"
                yield Mutant(file, "constant", match.start(), match.end(), text if value >= 0 else f"({text})")
    for match in re.finditer(r"(?<=0x1p)[-+]?\d+", code):
        for change in (1, -1):
            yield Mutant(file, "constant", match.start(), match.end(), str(int(match[0]) + change))


def condition_mutants(file: str, code: str):
    for match in re.finditer(r"\bif \(", code):
        begin = match.end()
        depth, end = 1, begin
        while depth > 0:
            depth += {"(": 1, ")": -1}.get(code[end], 0)
            end += 1
        condition = code[begin:end - 1]
        if ";" not in condition:
            yield Mutant(file, "negation", begin, end - 1, f"!({condition})")
    for match in re.finditer(r" \? ", code):
        end = match.start()
        begin = max(code.rfind(mark, 0, end) + len(mark) for mark in ("= ", "return ", ", ", "(", "+ "))
        condition = code[begin:end]
        if condition.count("(") == condition.count(")") and "\n" not in condition:
            yield Mutant(file, "negation", begin, end, f"!({condition})")


def statement_mutants(file: str, code: str):
    begins = re.finditer(r"(?<=[;{})])\s+(?=[+\-*A-Za-z_])|(?<=\) )(?=[A-Za-z_])", code)
    for place in begins:
        match = STATEMENT.match(code, place.end())
        if match is None or match[0].startswith(("return", "break", "continue", "throw", "for", "if", "while", "else")):
            continue
        if match[0].count("(") == match[0].count(")"):
            yield Mutant(file, "statement", match.start(), match.end(), ";")


def mutants_of(file: str, text: str) -> list[Mutant]:
    code = blanked(text)
    found = [mutant for kind in (binary_mutants, constant_mutants, condition_mutants, statement_mutants)
             for mutant in kind(file, code)]
    return sorted(set(found), key=lambda m: (m.begin, m.end, m.operator, m.replacement))


def spread(all_mutants: dict[str, list[Mutant]], count: int, seed: int) -> list[Mutant]:
    """`count` mutants; the share of each file is its share of places, in random order within a file."""
    ranked = []
    for file, mutants in sorted(all_mutants.items()):
        shuffled = random.Random(f"{seed} {file}").sample(mutants, len(mutants))
        ranked += [((k + 0.5) / len(shuffled), mutant) for k, mutant in enumerate(shuffled)]
    ranked.sort(key=lambda entry: (entry[0], entry[1].file))
    return [mutant for _, mutant in ranked[:count]]


# ---- judging them


@dataclass
class Fate:
    file: str
    line: int
    operator: str
    diff: str
    compiles: bool
    unit: str = ""  # "killed", "survived" or "timed out"
    laws: str = ""
    law: str = ""  # the first law that was violated


def diff_of(mutant: Mutant, text: str) -> str:
    lines = difflib.unified_diff(text.splitlines(), mutant.applied(text).splitlines(), "a/" + mutant.file,
                                 "b/" + mutant.file, lineterm="", n=1)
    return "\n".join(lines)


@dataclass
class Limits:
    """Seconds."""

    unit: float
    laws: float


def run_unit_tests(bench: Workbench, limit: float) -> Outcome:
    return run([bench.program("bn_tests"), "--gtest_brief=1", "--gtest_fail_fast"], limit)


def unit_fate(bench: Workbench, limit: float) -> str:
    outcome = run_unit_tests(bench, limit)
    return "timed out" if outcome.timed_out else "survived" if outcome.status == 0 else "killed"


def check(bench: Workbench, subject: str, cases: str, limit: float) -> Outcome:
    return bench.check(subject, "--cases", cases, limit=limit, stop_at_violation=True)


def measured_limits(bench: Workbench, cases: str) -> Limits | None:
    """Results of the unchanged sources; None if they do not build or a test fails."""
    if bench.build("bncheck", "bn_tests").status != 0:
        return None
    unit = run_unit_tests(bench, BUILD_LIMIT)
    laws = check(bench, "bn", cases, BUILD_LIMIT)
    if unit.status != 0 or laws.status != 0:
        return None
    return Limits(max(PATIENCE * unit.seconds, LEAST_LIMIT), max(PATIENCE * laws.seconds, LEAST_LIMIT))


def law_fate(bench: Workbench, cases: str, limit: float) -> tuple[str, str]:
    for subject in ("bn", "bn_functional"):
        outcome = check(bench, subject, cases, limit)
        if outcome.timed_out:
            return "timed out", f"after {len(outcome.lines) - 1} laws on {subject}"
        if outcome.status != 0:
            rows = [line for line in outcome.lines if violated(line)]
            return "killed", f"{rows[0].split()[0]} on {subject}" if rows else f"exit {outcome.status} of {subject}"
    return "survived", ""


def judge(bench: Workbench, mutant: Mutant, cases: str, limits: Limits) -> Fate:
    text = (bench.project / mutant.file).read_text()
    fate = Fate(mutant.file, mutant.line(text), mutant.operator, diff_of(mutant, text), False)
    target = bench.source / mutant.file
    target.write_text(mutant.applied(text))
    fate.compiles = bench.build("bncheck", "bn_tests").status == 0
    if fate.compiles:
        fate.unit = unit_fate(bench, limits.unit)
        fate.laws, fate.law = law_fate(bench, cases, limits.laws)
    target.write_text(text)
    return fate


# ---- reporting


def table(fates: list[Fate], key, heading: str) -> str:
    columns = ("compiling", "unit tests", "laws", "laws only", "timed out", "survived", "not compiling")
    rows = [f"| {heading} | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    groups = sorted({key(fate) for fate in fates})
    for name in [*groups, "all"]:
        group = [fate for fate in fates if name in (key(fate), "all")]
        live = [fate for fate in group if fate.compiles]
        unit = sum(fate.unit != "survived" for fate in live)
        laws = sum(fate.laws != "survived" for fate in live)
        only = sum(fate.unit == "survived" and fate.laws != "survived" for fate in live)
        late = sum("timed out" in (fate.unit, fate.laws) for fate in live)
        both = sum(fate.unit == fate.laws == "survived" for fate in live)
        rows.append(f"| {name} | {len(live)} | {unit} | {laws} | {only} | {late} | {both} | {len(group) - len(live)} |")
    return "\n".join(rows)


def report(fates: list[Fate]) -> str:
    parts = [table(fates, lambda fate: Path(fate.file).name, "file"), table(fates, lambda f: f.operator, "operator")]
    first = Counter(fate.law for fate in fates if fate.laws == "killed")
    parts.append("First to object: " + ", ".join(f"{law} {count}" for law, count in first.most_common()))
    return "\n\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=Path(__file__).resolve().parents[3],
                        help="the project (default: this one)")
    parser.add_argument("--work", type=Path, default=Path("build/mechanical"),
                        help="folder for the copy, its build tree and the results (%(default)s)")
    parser.add_argument("--count", type=int, default=250, help="mutants to make (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (%(default)s)")
    parser.add_argument("--cases", default="100", help="cases per law (%(default)s)")
    parser.add_argument("--list", action="store_true", help="only list them")
    arguments = parser.parse_args()
    project = arguments.source.resolve()
    sources = sorted(path for path in (project / "impl/src").iterdir() if path.suffix in (".cpp", ".hpp"))
    places = {str(path.relative_to(project)): mutants_of(str(path.relative_to(project)), path.read_text())
              for path in sources}
    chosen = sorted(spread(places, arguments.count, arguments.seed), key=lambda m: (m.file, m.begin, m.replacement))
    print(f"{len(chosen)} of {sum(map(len, places.values()))} mutants in {len(sources)} files", flush=True)
    if arguments.list:
        for mutant in chosen:
            print(mutant.operator, diff_of(mutant, (project / mutant.file).read_text()), sep="\n")
        return 0
    bench = Workbench(project, arguments.work)
    # Every mutant is compiled once and runs for seconds, so the time of the compiler dominates.
    bench.configure("-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG")
    limits = measured_limits(bench, arguments.cases)
    if limits is None:
        print("mechanical.py: the sources as they are do not build, fail their unit tests or violate a law",
              file=sys.stderr)
        return 2
    fates = []
    with (arguments.work / "fates.jsonl").open("w") as log:
        for number, mutant in enumerate(chosen, 1):
            fate = judge(bench, mutant, arguments.cases, limits)
            fates.append(fate)
            log.write(json.dumps(asdict(fate)) + "\n")
            log.flush()
            outcome = f"unit tests: {fate.unit}, laws: {fate.laws} {fate.law}" if fate.compiles else "does not compile"
            print(f"{number} {fate.file}:{fate.line} {fate.operator}: {outcome}", flush=True)
    survivors = [fate for fate in fates if fate.compiles and fate.laws == "survived"]
    (arguments.work / "survivors.diff").write_text(
        "\n\n".join(f"{fate.operator}, unit tests: {fate.unit}\n{fate.diff}" for fate in survivors) + "\n")
    print(report(fates))
    return 0


if __name__ == "__main__":
    sys.exit(main())
