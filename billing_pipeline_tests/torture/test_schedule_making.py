"""What the guaranteed schedules hold, and that a number is the same schedule for ever."""

from hashlib import sha256

from billing_pipeline_tests.torture.months import make_month
from billing_pipeline_tests.torture.schedule import GUARANTEED, LATER, THROUGH_CLOSE, every_kill, make_schedule
from billing_pipeline_tests.torture.troubles import LATER_TROUBLES, TROUBLES

SCHEDULES = [make_schedule(seed) for seed in range(GUARANTEED)]
FAMILIES = {
    "429 storm",
    "500 before commit",
    "500 after commit",
    "time-out after commit",
    "dropped before commit",
    "dropped after commit",
    "commit after our look-up",
    "token expired",
    "permission lost",
    "garbage",
    "paging lies",
    "append semantics",
    "redirected client",
    "renumbered",
    "tax recomputed",
    "blank line",
    "refused",
    "agent in between",
}


def test_every_moment_of_the_protocol_is_killed_at_in_some_guaranteed_schedule() -> None:
    killed = {event.kill for schedule in SCHEDULES for event in schedule.events}

    assert [str(kill) for kill in every_kill() if kill not in killed] == []
    assert len(SCHEDULES) == GUARANTEED


def test_every_trouble_happens_in_some_guaranteed_schedule() -> None:
    dealt = {hit.trouble for schedule in SCHEDULES for event in schedule.events for hit in event.hits}

    assert sorted(TROUBLES.keys() - dealt) == []
    assert {trouble.family for trouble in TROUBLES.values()} == FAMILIES


def test_every_transaction_and_write_of_the_protocol_has_its_moments() -> None:
    moments = {kill.moment for kill in every_kill()}

    for what in ("write the intent to post", "write what was posted", "write what was read back", "finish posting"):
        assert {f"{when}: {what}" for when in ("before", "uncommitted", "committed")} <= moments
    for what in ("settle an unknown posting", "note group_sending", "note item_sending", "confirm a created item"):
        assert {f"{when}: {what}" for when in ("before", "uncommitted", "committed")} <= moments
    for what in ("create Invoice", "change Invoice", "change RecurringInvoice", "create Item", "create AssetGroup"):
        assert {f"{when}: {what}" for when in ("before", "unanswered", "answered")} <= moments


def test_a_number_is_the_same_schedule_and_the_same_month_for_ever() -> None:
    seeds = [0, 17, 59, 60, 61, 333, 10_000]

    assert [make_schedule(seed) for seed in seeds] == [make_schedule(seed) for seed in seeds]
    assert len({str(make_schedule(seed)) for seed in range(500)}) == 500
    assert make_month("random-7").world == make_month("random-7").world
    assert make_month("random-7").lines != make_month("random-8").lines


def test_later_troubles_change_no_earlier_number() -> None:
    earlier = "\n".join(str(make_schedule(seed)) for seed in range(LATER))
    later = {
        hit.trouble for seed in range(LATER, LATER + 500) for one in make_schedule(seed).events for hit in one.hits
    }

    assert sha256(earlier.encode()).hexdigest() == "b3f87a095e6474148df8662886303d271ac08340af03bf3a47d092c1ce380e1b"
    assert later >= LATER_TROUBLES.keys()


def test_some_schedules_go_through_a_whole_close() -> None:
    assert len(THROUGH_CLOSE) >= 3
    assert all(schedule.through_close and schedule.events[0].kill for schedule in THROUGH_CLOSE)
