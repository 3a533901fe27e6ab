"""A warehouse with one synthetic month in it, and the settings folder that it is billed with."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import md5
from pathlib import Path

from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.sandbox.demo_config import CLIENT_COLUMNS
from billing_pipeline.settings.load import load_settings
from billing_pipeline.steps.snapshots import store_snapshot

MONTH = "2026-10"
NOW = "2026-10-06T15:00:00Z"
CLIENTS, PRODUCTS = 1_000, 200
_FIRST_CLIENT_ID, _FIRST_ITEM_ID, _AZURE_ITEM_ID = 10_001, 501, 500

_SETTINGS = """\
start_month: 2026-10
settings:
  modifiers: {collapse_azure: true, drop_favorable_prorata: true, drop_zero: true}
  product_lifecycle: {mode: create}
  codes: {accounts: "4000", expense: "5000", tax: 1, item: 500}
integrations:
  pax8: {settings: {modifiers: {zero_test: sell}}}
clients:
"""

_SWITCHES = ("drop_azure", "drop_favorable_prorata", "drop_zero", "collapse_azure")
_LEVELS = tuple(f"{switch}_level" for switch in _SWITCHES)


@dataclass(frozen=True)
class SyntheticMonth:
    """Where it was made: the warehouse file, the settings folder, and the settings of each client as a CSV file."""

    warehouse: Path
    config: Path
    resolved: Path


def build_synthetic_month(folder: Path, lines: int) -> SyntheticMonth:
    """Make a month of `lines` invoice lines of 1,000 clients in `folder`."""
    folder.mkdir()
    month = SyntheticMonth(folder / "billing.duckdb", folder / "config", folder / "resolved_settings.csv")
    _write_settings(month.config)
    _write_resolved_settings(month)
    now = datetime.fromisoformat(NOW).replace(tzinfo=None)
    with Warehouse(month.warehouse).session("make a synthetic month") as session:
        session.set_variables(month=MONTH, lines=lines, clients=CLIENTS)
        session.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
        store_snapshot(session, "halopsa_clients", _halopsa_clients(), "synthetic", now)
        store_snapshot(session, "halopsa_items", _halopsa_items(), "synthetic", now)
    return month


def _company_id(number: int) -> str:
    digits = md5(f"company {number}".encode(), usedforsecurity=False).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _product_id(number: int) -> str:
    return md5(f"product {number}".encode(), usedforsecurity=False).hexdigest()


def _client(number: int) -> str:
    return f"client-{number:05d}"


def _write_settings(config: Path) -> None:
    """Settings on every level: of ten clients one drops Azure, one keeps it apart, one keeps lines at zero."""
    config.mkdir()
    overrides = {
        0: "{integrations: {pax8: {settings: {modifiers: {drop_azure: true}}}}}",
        1: "{settings: {modifiers: {collapse_azure: false}}}",
        2: "{settings: {modifiers: {drop_zero: false}}}",
        3: "{settings: {product_lifecycle: {mode: default_item}}}",
    }
    clients = "".join(
        f"  {_client(number)}: {overrides[number % 10]}\n" for number in range(CLIENTS) if number % 10 in overrides
    )
    (config / "billing.yaml").write_text(_SETTINGS + clients)
    _write_csv(
        config / "clients.csv",
        CLIENT_COLUMNS,
        (
            (_client(number), f"Client {number} LLC", _FIRST_CLIENT_ID + number, _company_id(number), "false", "", "")
            for number in range(CLIENTS)
        ),
    )
    rows: list[tuple[object, ...]] = [("pax8", "azure", "", "", _AZURE_ITEM_ID)]
    rows += [("pax8", f"azure{number}", "", "", _AZURE_ITEM_ID) for number in range(3)]
    rows += [("pax8", _product_id(number), f"SKU-{number}", "", _FIRST_ITEM_ID + number) for number in range(PRODUCTS)]
    _write_csv(config / "products.csv", ("integration", "product_id", "sku", "term", "halopsa_item_id"), rows)


def _write_resolved_settings(month: SyntheticMonth) -> None:
    """What each client's settings come to, for the bare SQL to join: resolving them is no SQL's work."""
    loaded = load_settings(month.config)
    rows = []
    for number in range(CLIENTS):
        resolved = loaded.resolve(_client(number), "pax8")
        charge = resolved.charge
        modifiers = charge.modifiers
        rows.append(
            (
                _client(number),
                modifiers.drop_azure,
                modifiers.drop_favorable_prorata,
                modifiers.drop_zero,
                modifiers.zero_test,
                modifiers.collapse_azure,
                charge.product_lifecycle.mode,
                charge.codes.item,
                charge.codes.accounts,
                charge.codes.expense,
                charge.codes.tax,
                *(resolved.level(f"modifiers.{switch}") for switch in _SWITCHES),
            )
        )
    header = ("client", "drop_azure", "drop_favorable_prorata", "drop_zero", "zero_test", "collapse_azure")
    _write_csv(month.resolved, (*header, "mode", "default_item", "accounts", "expense", "tax", *_LEVELS), rows)


def _halopsa_clients() -> list[dict[str, object]]:
    return [
        {"id": _FIRST_CLIENT_ID + number, "name": f"Client {number} LLC", "inactive": False, "taxable": True}
        for number in range(CLIENTS)
    ]


def _halopsa_items() -> list[dict[str, object]]:
    accounts = {"nominalcode": "4100", "purchasenominalcode": "5100", "taxcode": 2}
    return [
        {"id": _AZURE_ITEM_ID, "name": "Microsoft Azure"},
        *({"id": _FIRST_ITEM_ID + number, "name": f"Product {number}", **accounts} for number in range(PRODUCTS)),
    ]


def _write_csv(file: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with file.open("w", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
