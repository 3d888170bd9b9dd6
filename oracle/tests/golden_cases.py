"""All golden cases, in families."""

from golden_backward_cases import backward_cases
from golden_backward_dialect_cases import backward_dialect_cases
from golden_backward_error_cases import backward_error_cases
from golden_backward_special_cases import backward_special_cases
from golden_dialect_cases import dialect_cases
from golden_edge_cases import edge_cases
from golden_error_cases import error_cases
from golden_special_cases import special_cases
from golden_textbook_cases import textbook_cases


def all_cases():
    for family in (textbook_cases, edge_cases, special_cases, error_cases, dialect_cases, backward_cases,
                   backward_special_cases, backward_error_cases, backward_dialect_cases):
        yield from family()
