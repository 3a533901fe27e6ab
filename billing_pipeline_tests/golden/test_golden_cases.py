"""Every golden case comes out as its folder says: dispositions, plan and HaloPSA, to the cent."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from billing_pipeline_tests.golden.case_files import Case, Row, read_cases
from billing_pipeline_tests.golden.case_run import CaseRun, Services, differ
from billing_pipeline_tests.golden.case_story import DEEDS, EVENTS, let_it_happen, month_of, settle_first, turn_to

CASES = list(read_cases())
KEYS = {"about", "lines", "holds", "findings", "plan", "halopsa", "three_way", "taxes", "new_items", "to_approve"}
MUST = {"about", "lines", "plan", "halopsa"}
OF_A_STEP = (KEYS - {"about"}) | {"at", "correct", "outcome"}
MUST_OF_A_STEP = {
    "close": {"lines", "plan", "halopsa"},
    "prepare": {"lines", "plan"},
    "post": {"lines", "outcome", "halopsa"},
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_comes_out_as_its_folder_says(case: Case, services: Services, tmp_path: Path) -> None:
    with closing(CaseRun.start(services, case, tmp_path)) as run:
        for step in case.story:
            if month_of(step) is None:
                let_it_happen(run, case, step)
                continue
            turn_to(run, step)
            if "post" not in step:
                assert_prepared(run, step)
            if "prepare" not in step:
                assert_posted(run, step)
            if "close" in step:
                assert_nothing_is_left(run, step)


def assert_prepared(run: CaseRun, step: Mapping[str, Any]) -> None:
    if "close" in step:
        settle_first(run)
    run.fetch()
    run.prepare(correct=step.get("correct", False))
    fates = step["lines"]
    if "close" in step:
        done = run.posted_lines()
        fates = {name: fate if name in done else as_planned(fate) for name, fate in fates.items()}
    assert run.fates() == fates
    assert differ(step["plan"], run.planned(), "plan") == []
    assert_held(step, run.holds())
    assert differ(step.get("to_approve", []), run.to_approve(), "to approve") == []


def assert_posted(run: CaseRun, step: Mapping[str, Any]) -> None:
    result = run.post()
    outcome = {name: len(getattr(result, name)) for name in ("posted", "settled", "refused", "unknown")}
    assert differ(step.get("outcome", {"refused": 0, "unknown": 0}), outcome, "outcome") == []
    assert result.stopped is None
    proof = run.prove()
    assert proof.whole, (proof.gaps, proof.unproven, proof.differences)
    halopsa, seen = run.halopsa(), run.look()
    assert seen.fates == step["lines"]
    assert_held(step, seen.holds)
    assert differ(step["halopsa"], halopsa, "halopsa") == []
    assert not any(document["posted"] for document in halopsa if document["invoice"] == "new")
    assert differ(step.get("new_items", []), run.new_items(), "new items") == []
    assert seen.findings == sorted(step.get("findings", []))
    assert differ(step.get("three_way", {}), seen.three_way, "three_way") == []
    assert differ(step.get("taxes", seen.taxes), seen.taxes, "taxes") == []


def assert_nothing_is_left(run: CaseRun, step: Mapping[str, Any]) -> None:
    run.prepare(correct=step.get("correct", False))
    assert run.planned() == []
    assert run.fates() == step["lines"]


def as_planned(fate: str) -> str:
    """The fate of a line before it is posted."""
    return fate.replace(", posted", ", planned")


def assert_held(step: Mapping[str, Any], found: list[Row]) -> None:
    """What is held is what a case expects; what one `says` stands somewhere in its text."""
    expected = step.get("holds", [])
    assert differ([{k: v for k, v in one.items() if k != "says"} for one in expected], found, "holds") == []
    for one, other in zip(expected, found, strict=True):
        assert one.get("says", "") in other["detail"]


def test_every_case_says_what_it_is_about_and_nothing_unknown() -> None:
    for case in CASES:
        assert str(case.expected["about"]).strip().endswith("."), case.name
        if "story" in case.expected:
            assert case.expected.keys() == {"about", "story"}, case.name
            assert_story(case)
        else:
            assert MUST <= case.expected.keys() <= KEYS, case.name
            assert case.expected["lines"].keys() == case.lines.keys(), case.name


def assert_story(case: Case) -> None:
    told = set()
    for step in case.story:
        (deed,) = step.keys() & {*DEEDS, *EVENTS}
        if deed in DEEDS:
            assert MUST_OF_A_STEP[deed] <= step.keys() <= {deed} | OF_A_STEP, case.name
            told |= step["lines"].keys()
    assert told == case.lines.keys(), case.name


def test_no_two_cases_are_the_same() -> None:
    seen: dict[str, str] = {}
    for case in CASES:
        content = repr((case.config, case.lines, case.world, case.expected.get("story")))
        assert content not in seen, f"{case.name} is {seen.get(content)}"
        seen[content] = case.name
