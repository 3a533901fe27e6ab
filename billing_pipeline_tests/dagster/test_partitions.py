"""Months, clients, blocks of neighbours, and the scope that a run reads from its keys and tags."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from billing_pipeline.billing.errors import RangeError
from billing_pipeline.partitions import (
    CLIENTS,
    asked_tags,
    build_partitions,
    client_blocks,
    month_of_tags,
    range_tags,
    read_scope,
    register_clients,
    whole_range,
)


def keys(month: str, *clients: str) -> list[dg.MultiPartitionKey]:
    return [dg.MultiPartitionKey({"client": client, "month": month}) for client in clients]


# A clock behind the real one adds nothing to what Dagster counts.
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def test_the_current_month_is_a_partition_and_the_next_one_is_not() -> None:
    months = build_partitions("2026-09", "America/Denver", LONG_AGO).months
    # 1 November in London, still 31 October in Denver.
    late = datetime(2026, 11, 1, 5, 0, tzinfo=UTC)

    assert months.get_partition_keys(current_time=late) == ["2026-09", "2026-10"]


def test_a_clock_that_is_set_ahead_for_a_trial_has_its_month_too() -> None:
    ahead = build_partitions("2026-09", "UTC", datetime(2040, 3, 15, tzinfo=UTC)).months

    assert ahead.get_last_partition_key() == "2040-03"


def test_a_month_and_client_key_names_the_client_first() -> None:
    assert str(keys("2026-10", "acme")[0]) == "acme|2026-10"
    assert build_partitions("2026-09", "UTC", LONG_AGO).client_months.partition_dimension_names == ["client", "month"]


def test_clients_are_registered_once_in_the_order_they_come() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert register_clients(instance, ["zebra", "acme"]) == ["zebra", "acme"]
        assert register_clients(instance, ["acme", "mole", "zebra"]) == ["mole"]
        assert list(instance.get_dynamic_partitions(CLIENTS)) == ["zebra", "acme", "mole"]


@pytest.mark.parametrize(
    ("asked", "blocks"),
    [
        ([], []),
        (["b"], [["b"]]),
        (["d", "c", "b", "a"], [["a", "b", "c", "d"]]),
        (["a", "c"], [["a"], ["c"]]),
        (["d", "a", "b", "a"], [["a", "b"], ["d"]]),
    ],
)
def test_blocks_are_neighbours_in_the_order_of_registration(asked: list[str], blocks: list[list[str]]) -> None:
    assert client_blocks(["a", "b", "c", "d"], asked) == blocks


@pytest.mark.parametrize(
    ("asked", "everyone"),
    [([], []), (["c"], ["c"]), (["d", "b"], ["b", "c", "d"]), (["a", "d"], ["a", "b", "c", "d"])],
)
def test_a_month_for_everyone_is_one_range_over_whoever_stands_in_between(
    asked: list[str], everyone: list[str]
) -> None:
    assert whole_range(["a", "b", "c", "d"], asked) == everyone


def test_a_client_that_is_not_registered_is_no_block() -> None:
    with pytest.raises(RangeError, match="Not registered as client partitions: x, y"):
        client_blocks(["a"], ["x", "a", "y"])


def test_a_runs_scope_is_its_month_and_its_clients() -> None:
    tags = range_tags("2026-10", ["acme", "birch"])

    assert read_scope(keys("2026-10", "acme", "birch"), tags) == ("2026-10", ("acme", "birch"))
    assert read_scope(keys("2026-10", "acme"), {}) == ("2026-10", ("acme",))
    assert month_of_tags(tags) == "2026-10"
    assert month_of_tags({"dagster/partition": "2026-10"}) == "2026-10"


@pytest.mark.parametrize(
    ("got", "tags", "said"),
    [
        ([], {}, "stand in the wrong order"),
        (keys("2026-10", "acme") + keys("2026-11", "acme"), {}, "one month, not for 2026-10, 2026-11"),
        (keys("2026-10", "acme"), asked_tags(["acme", "birch"]), "asked for 2 clients of 2026-10 and got 1"),
        (keys("2026-10", "acme", "cedar"), asked_tags(["acme", "birch"]), "or others: acme to cedar"),
    ],
)
def test_a_scope_that_is_not_what_was_asked_for_is_refused(
    got: list[dg.MultiPartitionKey], tags: dict[str, str], said: str
) -> None:
    with pytest.raises(RangeError, match=said):
        read_scope(got, tags)


def test_a_run_without_a_month_is_refused() -> None:
    with pytest.raises(RangeError, match="choose a month"):
        month_of_tags({})
