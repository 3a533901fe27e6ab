"""Kill it, disturb it, run it again: whatever happens, each charge is billed once, and nothing else is touched."""

from collections.abc import Iterator

import pytest

from billing_pipeline_tests.torture.player import Stage
from billing_pipeline_tests.torture.schedule import GUARANTEED, LATER, THROUGH_CLOSE, Schedule, make_schedule
from billing_pipeline_tests.torture.troubles import LATER_TROUBLES


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """A sandbox and a program that forks, for all schedules."""
    with Stage() as opened:
        yield opened


def name(schedule: Schedule) -> str:
    """A schedule as the list of tests shows it."""
    return f"seed {schedule.seed}, {schedule.month}"


@pytest.mark.parametrize("schedule", [make_schedule(seed) for seed in range(GUARANTEED)], ids=name)
def test_each_charge_is_billed_once_whatever_happens(stage: Stage, schedule: Schedule) -> None:
    played = stage.play(schedule)

    assert played.missed == [], "a schedule in which nothing happens proves nothing"


@pytest.mark.parametrize("schedule", [make_schedule(LATER + place) for place in range(len(LATER_TROUBLES))], ids=name)
def test_each_charge_is_billed_once_whatever_lists_hide(stage: Stage, schedule: Schedule) -> None:
    played = stage.play(schedule)

    assert played.missed == []


@pytest.mark.parametrize("schedule", THROUGH_CLOSE, ids=name)
def test_each_charge_is_billed_once_through_closes_that_are_killed(stage: Stage, schedule: Schedule) -> None:
    played = stage.play(schedule)

    assert played.missed == []
