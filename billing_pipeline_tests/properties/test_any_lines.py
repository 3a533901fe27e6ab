"""What holds for any lines, of the steps in SQL alone: many examples, each of them two steps on an open database."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_pipeline_tests.golden.case_files import Row
from billing_pipeline_tests.properties.months import lines, modifiers
from billing_pipeline_tests.properties.profiles import bounded
from billing_pipeline_tests.properties.stored_lines import ALIKE, NOBODYS, Made, StoredLines, add, for_client, money


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> StoredLines:
    """One database for all examples."""
    return StoredLines(tmp_path_factory.mktemp("any-lines"))


@st.composite
def some_lines(draw: st.DrawFn, fewest: int = 1, most: int = 12) -> dict[str, Row]:
    """Lines by name, in one currency or two."""
    currencies = draw(st.sampled_from([("USD",), ("USD", "CAD")]))
    return {f"L{number}": draw(lines(number, currencies)) for number in range(1, draw(st.integers(fewest, most)) + 1)}


@bounded(50)
@given(some_lines(), some_lines(0, 3), modifiers(), modifiers(), st.randoms(use_true_random=False))
def test_lines_keep_their_money_whatever_their_order_and_modifiers(
    stored: StoredLines,
    rows: dict[str, Row],
    nobodys: dict[str, Row],
    chosen: dict[str, Any],
    others: dict[str, Any],
    random: Random,
) -> None:
    """One run of the steps answers for three clients who have the same lines; to run them is what an example costs."""
    lines_of = {**dict.fromkeys(ALIKE, rows), **dict.fromkeys(NOBODYS, nobodys)}
    invoice = [row for client in lines_of for row in for_client(client, lines_of[client])]
    random.shuffle(invoice)

    made = stored.make(invoice, {"first": chosen, "second": chosen, "third": others})

    for client, written in lines_of.items():
        assert_conserved(made[client], written)
    assert all(not made[client].billed for client in NOBODYS)
    # The order of lines: both have the same ones, each in an order of its own.
    assert made["first"] == made["second"]
    # The modifiers: they change neither what the source comes to nor what a line is.
    assert made["first"].source == made["third"].source
    assert classes(made["first"]) == classes(made["third"])


def assert_conserved(made: Made, written: dict[str, Row]) -> None:
    """Every line has a fate, and every amount is billed or not, to the last decimal."""
    assert set(made.fates) == set(written)
    assert made.source == money(written.values(), "total", "costTotal")
    assert add(made.billed, made.not_billed) == made.source


def classes(made: Made) -> dict[str, str]:
    """The class of each line."""
    return {name: fate[0] for name, fate in made.fates.items()}
