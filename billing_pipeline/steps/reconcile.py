"""Reconcile: HaloPSA client, item, accounts and tax for every charge that is left to bill."""

from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import Any

from billing_pipeline.billing.known_codes import KnownCodes
from billing_pipeline.billing.product_imports import as_confirmed
from billing_pipeline.billing.product_match import ConfirmedProduct, Product, ProductMatcher
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.steps.halo_facts import integer, item_of, paying_client, rows_by_id, text
from billing_pipeline.steps.halopsa_codes import read_known_codes
from billing_pipeline.steps.snapshots import latest_snapshot
from billing_pipeline.steps.work import Work, finish_step, scope_frame

Row = Mapping[str, Any]


def reconcile(work: Work) -> int:
    """Write the slices of `reconciled_items`; how many charges there are."""
    started = monotonic()
    with work.warehouse.session(f"reconcile {work.month}") as session:
        clients = latest_snapshot(session, "halopsa_clients")
        items = latest_snapshot(session, "halopsa_items")
        scope_frame(session, work.clients)
        known, code_snapshots = read_known_codes(session)
        _frame_settings(session, work, known)
        _frame_clients(session, work, clients.rows)
        _frame_items(session, items.rows)
        _frame_products(session, work, items.rows)
        tax_ids = None if known.tax_ids is None else sorted(known.tax_ids)
        session.run("reconcile_items", month=work.month, known_tax_ids=tax_ids)
        count = int(
            session.value(
                "select count(*) from reconciled_items semi join scope_clients using (client) where month = ?",
                [work.month],
            )
        )
        sources = {"snapshot_ids": [clients.snapshot_id, items.snapshot_id, *code_snapshots]}
        finish_step(session, work, "reconciled_items", started, count, sources)
    return count


def confirmed_products(session: Session, config: LoadedSettings) -> list[ConfirmedProduct]:
    """The rows of products.csv, and the items that the pipeline itself created."""
    rows = [as_confirmed(row) for row in config.products]
    stored = session.rows(
        "select integration, product_id, sku, term, halopsa_item_id from confirmed_products order by all"
    )
    rows += [
        ConfirmedProduct(
            row["integration"], row["product_id"], row["sku"], row["term"], row["halopsa_item_id"], by_person=False
        )
        for row in stored
    ]
    return rows


def _frame_settings(session: Session, work: Work, known: KnownCodes) -> None:
    rows = []
    for client in work.clients:
        for integration in work.config.settings.enabled_integrations:
            charge = work.config.resolve(client, integration).charge
            rows.append(
                {
                    "client": client,
                    "integration": integration,
                    "lifecycle_enabled": charge.product_lifecycle.enabled,
                    "mode": charge.product_lifecycle.mode,
                    "default_item": charge.codes.item,
                    "default_accounts": charge.codes.accounts,
                    "default_expense": charge.codes.expense,
                    "default_tax": charge.codes.tax,
                    "has_default_accounts": known.has_account("income", charge.codes.accounts),
                    "has_default_expense": known.has_account("expense", charge.codes.expense),
                    "tax_engine": charge.tax_engine,
                }
            )
    session.frame(
        "item_settings",
        {
            "client": "VARCHAR",
            "integration": "VARCHAR",
            "lifecycle_enabled": "BOOLEAN",
            "mode": "VARCHAR",
            "default_item": "BIGINT",
            "default_accounts": "VARCHAR",
            "default_expense": "VARCHAR",
            "default_tax": "BIGINT",
            "has_default_accounts": "BOOLEAN",
            "has_default_expense": "BOOLEAN",
            "tax_engine": "VARCHAR",
        },
        rows,
    )


def _frame_clients(session: Session, work: Work, halopsa_clients: Sequence[Row]) -> None:
    by_id = rows_by_id(halopsa_clients)
    rows: dict[str, dict[str, Any]] = {}
    for client in work.config.clients:
        found = None if client.halopsa_client_id is None else by_id.get(client.halopsa_client_id)
        if found is not None:
            # The tax is that of the client whom HaloPSA bills, which may be another one.
            payer = paying_client(found, by_id)
            rows[client.client] = {
                "client": client.client,
                "halopsa_client_id": client.halopsa_client_id,
                "taxable": payer.get("taxable") is not False,
                "item_tax_code": integer(payer.get("item_tax_code")),
            }
    session.frame(
        "halopsa_clients_of",
        {"client": "VARCHAR", "halopsa_client_id": "BIGINT", "taxable": "BOOLEAN", "item_tax_code": "BIGINT"},
        list(rows.values()),
    )


def _frame_items(session: Session, items: Iterable[Row]) -> None:
    session.frame(
        "halopsa_items",
        {"item_id": "BIGINT", "income_account": "VARCHAR", "expense_account": "VARCHAR", "tax_id": "BIGINT"},
        [
            {
                "item_id": int(row["id"]),
                "income_account": text(row.get("nominalcode")),
                "expense_account": text(row.get("purchasenominalcode")),
                "tax_id": integer(row.get("taxcode")),
            }
            for row in items
        ],
    )


def _frame_products(session: Session, work: Work, items: Iterable[Row]) -> None:
    matcher = ProductMatcher(map(item_of, items), confirmed_products(session, work.config))
    products = session.rows(
        "select distinct integration, coalesce(product_id, '') as product_id, coalesce(sku, '') as sku, "
        "coalesce(term, '') as term, coalesce(product_name, '') as name "
        "from modified_charges semi join scope_clients using (client) "
        "where month = ? and outcome = 'kept' order by all",
        [work.month],
    )
    rows = []
    for columns in products:
        product = Product(**columns)
        match, confirmed, named = matcher.match(product), matcher.confirmed(product), matcher.by_name(product)
        rows.append(
            {
                **columns,
                "confirmed_item": confirmed.item_ids[0] if len(confirmed.item_ids) == 1 else None,
                "matched_item": match.item_ids[0] if len(match.item_ids) == 1 else None,
                "confirmed_ambiguous": len(confirmed.item_ids) > 1,
                "name_item": named.item_ids[0] if len(named.item_ids) == 1 else None,
                "match_rule": match.rule,
                "ambiguous": len(match.item_ids) > 1,
                "candidates": ", ".join(map(str, match.item_ids)),
                "item_reference": product.reference,
            }
        )
    session.frame(
        "product_matches",
        {
            "integration": "VARCHAR",
            "product_id": "VARCHAR",
            "sku": "VARCHAR",
            "term": "VARCHAR",
            "name": "VARCHAR",
            "confirmed_item": "BIGINT",
            "matched_item": "BIGINT",
            "confirmed_ambiguous": "BOOLEAN",
            "name_item": "BIGINT",
            "match_rule": "VARCHAR",
            "ambiguous": "BOOLEAN",
            "candidates": "VARCHAR",
            "item_reference": "VARCHAR",
        },
        rows,
    )
