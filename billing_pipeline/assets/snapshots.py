"""What Pax8 and HaloPSA have, as snapshots: unpartitioned, append-only."""

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg

from billing_pipeline.resources.configuration import ConfigurationResource
from billing_pipeline.resources.halopsa import HaloClient, HaloResource
from billing_pipeline.resources.pax8 import Pax8Resource
from billing_pipeline.resources.warehouse import WarehouseResource
from billing_pipeline.steps.account_codes import account_codes
from billing_pipeline.steps.client_details import take_client_details
from billing_pipeline.steps.snapshots import Snapshot, latest_snapshot, store_snapshot

GROUP = "snapshots"

_HALOPSA_READS: dict[str, tuple[str, Callable[[HaloClient], Sequence[dict[str, Any]]]]] = {
    "halopsa_clients": ("Every HaloPSA client, inactive ones too.", HaloClient.clients),
    "halopsa_sites": ("Every site of every HaloPSA client.", HaloClient.sites),
    "halopsa_items": ("Every HaloPSA item, with its accounts and tax.", HaloClient.items),
    "halopsa_product_groups": ("Every HaloPSA product group.", HaloClient.product_groups),
    "halopsa_taxes": ("Every HaloPSA tax.", HaloClient.taxes),
    "halopsa_currencies": ("Every HaloPSA currency.", HaloClient.currencies),
    "halopsa_recurring_invoices": ("Every recurring invoice with its lines.", HaloClient.recurring_invoices),
    "halopsa_contracts": ("Every client contract.", HaloClient.contracts),
}


def build_snapshots() -> list[dg.AssetsDefinition]:
    """One asset a kind of record."""
    return [
        _pax8_companies(),
        *(_halopsa_snapshot(name, text, read) for name, (text, read) in _HALOPSA_READS.items()),
        _halopsa_account_codes(),
        _halopsa_client_details(),
    ]


def _describe(snapshot: Snapshot, notes: Sequence[str] = ()) -> dg.MaterializeResult[Any]:
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(snapshot.rows),
            "snapshot_id": snapshot.snapshot_id,
            "content_hash": snapshot.content_hash,
            **({"notes": "\n".join(notes)} if notes else {}),
        }
    )


def _pax8_companies() -> dg.AssetsDefinition:
    @dg.asset(group_name=GROUP, kinds={"pax8"}, description="Every Pax8 company: names and external ids to map from.")
    def pax8_companies(
        warehouse: WarehouseResource, pax8: Pax8Resource, configuration: ConfigurationResource
    ) -> dg.MaterializeResult[Any]:
        with pax8.open() as client:
            rows = client.companies()
        now = configuration.now().replace(tzinfo=None)
        with warehouse.open().session("store the snapshot pax8_companies") as session:
            # Companies only name things: a list that does not prove complete is told, and stops nothing.
            return _describe(store_snapshot(session, "pax8_companies", rows, pax8.base_url, now), rows.notes)

    return pax8_companies


def _halopsa_snapshot(
    name: str, text: str, read: Callable[[HaloClient], Sequence[dict[str, Any]]]
) -> dg.AssetsDefinition:
    @dg.asset(name=name, group_name=GROUP, kinds={"halopsa"}, description=text)
    def snapshot(
        warehouse: WarehouseResource, halopsa: HaloResource, configuration: ConfigurationResource
    ) -> dg.MaterializeResult[Any]:
        with halopsa.open() as client:
            rows = read(client)
            address = client.address
        now = configuration.now().replace(tzinfo=None)
        with warehouse.open().session(f"store the snapshot {name}") as session:
            return _describe(store_snapshot(session, name, rows, address, now))

    return snapshot


def _halopsa_account_codes() -> dg.AssetsDefinition:
    @dg.asset(
        group_name=GROUP,
        kinds={"halopsa"},
        deps=["halopsa_items", "halopsa_product_groups", "halopsa_recurring_invoices"],
        description="Distinct account codes in use on items, product groups and lines: HaloPSA has no list of them.",
    )
    def halopsa_account_codes(
        warehouse: WarehouseResource, configuration: ConfigurationResource
    ) -> dg.MaterializeResult[Any]:
        now = configuration.now().replace(tzinfo=None)
        with warehouse.open().session("store the snapshot halopsa_account_codes") as session:
            rows = account_codes(
                latest_snapshot(session, "halopsa_items").rows,
                latest_snapshot(session, "halopsa_product_groups").rows,
                latest_snapshot(session, "halopsa_recurring_invoices").rows,
            )
            return _describe(store_snapshot(session, "halopsa_account_codes", rows, "snapshots", now))

    return halopsa_account_codes


def _halopsa_client_details() -> dg.AssetsDefinition:
    @dg.asset(
        group_name=GROUP,
        kinds={"halopsa"},
        deps=["halopsa_clients", "halopsa_recurring_invoices"],
        description="What each billed client's detail says of HaloPSA's own Pax8 billing: read again where it changed.",
    )
    def halopsa_client_details(
        warehouse: WarehouseResource, halopsa: HaloResource, configuration: ConfigurationResource
    ) -> dg.MaterializeResult[Any]:
        with halopsa.open() as client:
            snapshot, asked = take_client_details(
                warehouse.open(), configuration.load(), client.client, client.address, configuration.now()
            )
        described = _describe(snapshot)
        unread = sum(1 for row in snapshot.rows if row["trouble"])
        return dg.MaterializeResult(metadata={**(described.metadata or {}), "read_now": asked, "unread": unread})

    return halopsa_client_details
