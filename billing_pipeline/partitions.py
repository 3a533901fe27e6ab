"""Months, clients, and month × client: the one partitions object that all assets share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg

from billing_pipeline.billing.canonical import content_hash
from billing_pipeline.billing.errors import RangeError

CLIENTS = "clients"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
PARTITION_TAG = "dagster/partition"
# What a run was asked to do, so that a step can tell when Dagster gives it something else.
ASKED_COUNT_TAG = "billing/clients"
ASKED_HASH_TAG = "billing/clients_hash"


@dataclass(frozen=True)
class BillingPartitions:
    """`months` are those of the distributor's invoiceDate, `client_months` has keys `client|month`."""

    months: dg.MonthlyPartitionsDefinition
    clients: dg.DynamicPartitionsDefinition
    client_months: dg.MultiPartitionsDefinition


def build_partitions(start_month: str, time_zone: str, now: datetime) -> BillingPartitions:
    """Months from `start_month` (YYYY-MM) up to and with the one of `now` in `time_zone`, and clients by name."""
    months = dg.MonthlyPartitionsDefinition(
        start_date=start_month,
        fmt="%Y-%m",
        timezone=time_zone,
        # Without the offset the current month, whose invoice comes on the 4th, would be no partition yet.
        end_offset=1 + _months_ahead(now.astimezone(ZoneInfo(time_zone)), datetime.now(ZoneInfo(time_zone))),
    )
    clients = dg.DynamicPartitionsDefinition(name=CLIENTS)
    return BillingPartitions(months, clients, dg.MultiPartitionsDefinition({"client": clients, "month": months}))


def _months_ahead(now: datetime, real: datetime) -> int:
    """By how many months a clock that was set for a trial goes before the real one, which Dagster counts by."""
    return max(0, (now.year - real.year) * 12 + now.month - real.month)


def register_clients(instance: dg.DagsterInstance, clients: Sequence[str]) -> list[str]:
    """Add the clients that are no partition yet, in this order; those that were added."""
    known = set(instance.get_dynamic_partitions(CLIENTS))
    new = [client for client in clients if client not in known]
    if new:
        instance.add_dynamic_partitions(CLIENTS, new)
    return new


def client_blocks(registered: Sequence[str], asked: Sequence[str]) -> list[list[str]]:
    """`asked` as runs of neighbours in the order of registration, for a range follows that order and no other.

    Raises RangeError for a client that is not registered.
    """
    places = {client: place for place, client in enumerate(registered)}
    unknown = [client for client in asked if client not in places]
    if unknown:
        raise RangeError(f"Not registered as client partitions: {', '.join(unknown)}. Fetch the month first.")
    blocks: list[list[str]] = []
    for client in sorted(set(asked), key=places.__getitem__):
        if blocks and places[blocks[-1][-1]] + 1 == places[client]:
            blocks[-1].append(client)
        else:
            blocks.append([client])
    return blocks


def whole_range(registered: Sequence[str], asked: Sequence[str]) -> list[str]:
    """The shortest range that holds all of `asked`: a month for everyone is one run.

    Clients of other months that stand in between get empty slices. Raises RangeError as `client_blocks` does.
    """
    blocks = client_blocks(registered, asked)
    if not blocks:
        return []
    order = list(registered)
    return order[order.index(blocks[0][0]) : order.index(blocks[-1][-1]) + 1]


def range_tags(month: str, block: Sequence[str]) -> dict[str, str]:
    """The tags of one ranged run for neighbouring clients."""
    return {
        RANGE_START_TAG: dg.MultiPartitionKey({"client": block[0], "month": month}),
        RANGE_END_TAG: dg.MultiPartitionKey({"client": block[-1], "month": month}),
        **asked_tags(block),
    }


def asked_tags(clients: Sequence[str]) -> dict[str, str]:
    """What a run was asked to do: how many clients, and a hash of which."""
    return {ASKED_COUNT_TAG: str(len(clients)), ASKED_HASH_TAG: content_hash(sorted(clients))}


def read_scope(keys: Sequence[str], tags: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """The month and the clients of a month × client step, from its partition keys.

    Raises RangeError where the range is empty (its ends stand in the wrong order), spans several months, or
    differs from the clients that the run was asked for.
    """
    dimensions = [key.keys_by_dimension for key in keys if isinstance(key, dg.MultiPartitionKey)]
    months = sorted({dimension["month"] for dimension in dimensions})
    clients = tuple(dict.fromkeys(dimension["client"] for dimension in dimensions))
    if not clients:
        raise RangeError(
            "The range of client partitions is empty: its ends stand in the wrong order. Ranges follow the order "
            "in which clients were registered, not the alphabet. Nothing was done; choose the ends the other way."
        )
    if len(months) != 1:
        raise RangeError(f"A run is for one month, not for {', '.join(months)}. Nothing was done; run them one by one.")
    asked = tags.get(ASKED_COUNT_TAG)
    if asked is not None and (int(asked), tags.get(ASKED_HASH_TAG)) != (len(clients), content_hash(sorted(clients))):
        raise RangeError(
            f"The run was asked for {asked} clients of {months[0]} and got {len(clients)}, or others: "
            f"{clients[0]} to {clients[-1]}. Nothing was done; run billing-pipeline close {months[0]} again."
        )
    return months[0], clients


def month_of_tags(tags: Mapping[str, str]) -> str:
    """The month of a run from its tags, whether it is of one partition or of a range."""
    key = tags.get(PARTITION_TAG) or tags.get(RANGE_START_TAG) or ""
    month = key.rpartition("|")[2]
    if not month:
        raise RangeError("The run has no partition: choose a month. Nothing was done.")
    return month
