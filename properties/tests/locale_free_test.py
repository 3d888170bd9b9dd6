"""Checks that no source calls a function that depends on the locale, which a user's program or a plugin may set.

Usage: locale_free_test.py ROOT
"""

import re
import sys
from pathlib import Path

FOLDERS = ("impl", "oracle", "properties", "fuzz")

# std::to_string of integers is the same in every locale. The text of a call does not show whether it prints a
# floating-point number, hence the names of functions here.
NUMBERS = "eps|momentum|ratio|ulps|real|value_of|floats|seconds"
BANNED = [
    (r"\bv?(f|s|sn|as)?w?printf\s*\(", "writes a decimal comma; number_text.hpp or fmt::format"),
    (r"\bv?[fs]?w?scanf\s*\(", "reads a decimal comma; number_text.hpp"),
    (r"\b(strto(d|f|ld|l|ll|ul|ull)|ato[fil]l?)\s*\(", "reads a decimal comma, skips a locale's blanks; number_text.hpp"),
    (r"\bstd::sto(d|f|ld|i|l|ll|ul|ull)\s*\(", "reads a decimal comma, skips a locale's blanks; number_text.hpp"),
    (rf"\bstd::to_string\s*\([^;]*\b({NUMBERS})\b", "writes a decimal comma; number_text.hpp"),
    (r"\bstd::([io]?stringstream|[io]?spanstream)\b", "numbers and words as a locale has them; Words, number_text.hpp"),
    (r"\bstd::c(out|err|log|in)\b", "numbers as a locale writes them; fmt::print"),
    (r"(?<![\w.])(std::)?(is(alnum|alpha|blank|cntrl|digit|graph|lower|print|punct|space|upper|xdigit)|to(upper|lower))"
     r"\s*\(", "letters as a locale has them; ascii.hpp"),
    (r"\bstd::(basic_)?w?regex\s+\w+\s*[({]\s*R?\"", "letters as a locale has them; by hand, or std::locale::classic()"),
    (r"\b(setlocale|uselocale|localeconv|nl_langinfo)\s*\(", "sets or asks for what nothing here depends on"),
    (r"\bstd::(locale(?!::classic)|put_(time|money)|get_(time|money)|use_facet)\b", "is a locale's"),
    (r"\bstrftime\s*\(", "dates as a locale writes them; fmt"),
    (r"\"[^\"]*\{[^{}\"]*:[^{}\"]*L\}", "fmt's L: as a locale writes it"),
]
# Permitted uses: a file and a text of its line.
ALLOWED = [
    ("properties/commands/output.cpp", "std::cout.flush()"),
    ("properties/commands/output.cpp", "std::cout.good()"),
    ("properties/include/bncheck/gtest.hpp", "std::strtoull(seed, nullptr, 10)"),
]


def code_lines(path):
    """The source without comments."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        yield number, re.sub(r"//.*", "", line)


def is_source(place):
    return place.suffix in (".cpp", ".hpp") and not {"tests", "bench", "examples"} & set(place.parts)


def faults_of(root, path):
    place = path.relative_to(root).as_posix()
    for number, line in code_lines(path):
        for pattern, reason in BANNED:
            found = re.search(pattern, line)
            if found and not any(place == allowed and text in line for allowed, text in ALLOWED):
                yield f"{place}:{number}: '{found[0]}': {reason}"


def check_the_patterns():
    """Each of these lines is found."""
    for line in ('std::snprintf(text, sizeof text, "%a", value);', "const double value = std::strtod(begin, &end);",
                 "return std::stoll(match[1]);", 'reject("eps is " + std::to_string(config.eps));',
                 "std::ostringstream message;", "std::cout << value;", "if (std::isspace(letter)) return;",
                 "return isalnum(letter) != 0;", 'static const std::regex pattern(R"(x)");',
                 'std::setlocale(LC_ALL, "C");', "std::locale::global(mine);", 'fmt::format("{:L}", value);'):
        if not any(re.search(pattern, line) for pattern, _ in BANNED):
            sys.exit(f"no pattern finds: {line}")
    for line in ("fmt::print(stderr, text);", "std::to_string(config.num_features)", "is_digit(letter)",
                 "::strtod_l(text, &end, plain)", "regex.imbue(std::locale::classic());"):
        if any(re.search(pattern, line) for pattern, _ in BANNED):
            sys.exit(f"a pattern finds: {line}")


def main(root):
    check_the_patterns()
    sources = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*")) if is_source(path.relative_to(root))]
    faults = [fault for path in sources for fault in faults_of(root, path)]
    if not sources or faults:
        sys.exit("\n".join(faults) or "no sources")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]).resolve())
