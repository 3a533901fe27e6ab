"""Whether two sets of names are of one person."""

import pytest

from billing_pipeline.billing.people import is_same_person


@pytest.mark.parametrize(
    ("names", "others"),
    [
        (["Jane Doe"], ["jane doe"]),
        (["  Jane   DOE "], ["Jane Doe"]),
        (["JANE@msp.example"], ["Jane Doe", "jane@msp.example"]),
        (["Jane Doe <jane@msp.example>"], ["Jane Doe"]),
        (["Jane Doe <jane@msp.example>"], ["jane@msp.example"]),
        (["Somebody", "jane"], ["J. Doe", "jane@msp.example"]),
        (["Straße"], ["STRASSE"]),
    ],
)
def test_one_person_by_several_names(names: list[str], others: list[str]) -> None:
    assert is_same_person(names, others)
    assert is_same_person(others, names)


@pytest.mark.parametrize(
    ("names", "others"),
    [
        (["Jane Doe"], ["Jane Roe"]),
        (["Jane"], ["Jane Doe", "doe@msp.example"]),
        (["jane@msp.example"], ["jane@other.example"]),
        (["", " "], ["", "<>"]),
        ([], ["Jane"]),
    ],
)
def test_two_people(names: list[str], others: list[str]) -> None:
    assert not is_same_person(names, others)
