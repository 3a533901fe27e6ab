"""Every golden case comes out as its folder says: dispositions, plan and HaloPSA, to the cent."""

from pathlib import Path
from typing import Any

import pytest

from billing_pipeline_tests.golden.case_files import Case, read_cases
from billing_pipeline_tests.golden.case_run import CaseRun, Services, differ

CASES = list(read_cases())
KEYS = {"about", "lines", "holds", "findings", "plan", "halopsa", "three_way", "taxes", "new_items"}
MUST = {"about", "lines", "plan", "halopsa"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_comes_out_as_its_folder_says(case: Case, services: Services, tmp_path: Path) -> None:
    expected = case.expected
    run = CaseRun.start(services, case, tmp_path)

    run.fetch()
    run.prepare()
    seen = run.look()
    assert seen.fates == {name: fate.replace(", posted", ", planned") for name, fate in expected["lines"].items()}
    assert differ(expected["plan"], run.planned(), "plan") == []
    assert find_other_holds(expected.get("holds", []), seen.holds) == []

    result = run.post()
    assert (result.unknown, result.refused, result.stopped) == ([], [], None)
    proof = run.prove()
    assert proof.whole, (proof.gaps, proof.unproven, proof.differences)
    halopsa, seen = run.halopsa(), run.look()
    assert seen.fates == expected["lines"]
    assert differ(expected["halopsa"], halopsa, "halopsa") == []
    assert not any(document["posted"] for document in halopsa if document["invoice"] == "new")
    assert differ(expected.get("new_items", []), run.new_items(), "new items") == []
    assert seen.findings == sorted(expected.get("findings", []))
    assert differ(expected.get("three_way", {}), seen.three_way, "three_way") == []
    assert differ(expected.get("taxes", seen.taxes), seen.taxes, "taxes") == []

    run.prepare()
    assert run.planned() == []
    assert run.look().fates == expected["lines"]


def find_other_holds(expected: list[dict[str, Any]], found: list[dict[str, Any]]) -> list[str]:
    """How holds differ from what a case expects; what one `says` stands somewhere in its text."""
    said = differ([{k: v for k, v in one.items() if k != "says"} for one in expected], found, "holds")
    return said + [
        f"holds: {one['says']!r} is not in {other['detail']!r}"
        for one, other in zip(expected, found, strict=False)
        if one.get("says", "") not in other["detail"]
    ]


def test_every_case_says_what_it_is_about_and_nothing_unknown() -> None:
    for case in CASES:
        assert MUST <= case.expected.keys() <= KEYS, case.name
        assert case.expected["lines"].keys() == case.lines.keys(), case.name
        assert str(case.expected["about"]).strip().endswith("."), case.name


def test_no_two_cases_are_the_same() -> None:
    seen: dict[str, str] = {}
    for case in CASES:
        content = repr((case.config, case.lines, case.world))
        assert content not in seen, f"{case.name} is {seen.get(content)}"
        seen[content] = case.name
