"""From a Dagster run to the work of a step: its month, its clients, settings and clock."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from billing_pipeline.partitions import read_scope
from billing_pipeline.resources.configuration import ConfigurationResource
from billing_pipeline.resources.warehouse import WarehouseResource
from billing_pipeline.steps.work import Work


def read_work(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, configuration: ConfigurationResource
) -> Work:
    """The work of a month × client step. Raises RangeError for a range that is not what was asked for."""
    month, clients = read_scope(context.partition_keys, context.run.tags)
    config, now = configuration.load(), configuration.now()
    return Work(month, clients, warehouse.open(), config, now, context.run.run_id, configuration.now)


def describe_run(context: dg.AssetExecutionContext, metadata: Mapping[str, Any]) -> None:
    """Put the run's one table on the partition whose event comes last, which is what the UI shows first.

    On every partition it would cost as much again as the event itself.
    """
    partitions = context.assets_def.partitions_def
    assert partitions is not None  # every asset of a month and its clients has them
    # Not the last of `partition_keys`, which has the order of registration: events have that of a set of keys.
    *_, last = partitions.empty_subset().with_partition_keys(context.partition_keys).get_partition_keys()
    context.add_asset_metadata(dict(metadata), partition_key=last)
