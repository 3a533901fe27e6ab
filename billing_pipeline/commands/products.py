"""`products propose | match | import`: which HaloPSA item each product is."""

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from billing_pipeline.commands.outcome import DONE, HELD, ends_with_exit_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing_pipeline.billing.product_match import Product
    from billing_pipeline.resources.warehouse import Warehouse
    from billing_pipeline.settings.environment import Environment
    from billing_pipeline.settings.load import LoadedSettings
    from billing_pipeline.steps.match_products import CreatedItems, MatchedProduct
    from billing_pipeline.steps.products_in_use import ProductUse
    from billing_pipeline.steps.propose_products import ProductProposals

app = typer.Typer(help="Which HaloPSA item each product is.", no_args_is_help=True)


@app.command()
@ends_with_exit_code
def propose(
    from_snapshots: Annotated[
        bool,
        typer.Option("--from-snapshots", help="Only the newest month, and what its close saw; ask nobody."),
    ] = False,
) -> int:
    """Write products.proposed.csv: candidates, with scores, for every product without a confirmed row."""
    from billing_pipeline.commands.refresh import refresh_halopsa
    from billing_pipeline.commands.surroundings import existing_warehouse, read_environment
    from billing_pipeline.resources.warehouse import Warehouse
    from billing_pipeline.settings.load import load_settings
    from billing_pipeline.steps.propose_products import propose_products
    from billing_pipeline.steps.reconcile import confirmed_products
    from billing_pipeline.steps.snapshots import latest_snapshot

    environment = read_environment()
    config = load_settings(environment.config_folder)
    uses: list[ProductUse] = []
    if from_snapshots:
        warehouse = existing_warehouse(environment)
    else:
        warehouse = Warehouse(environment.warehouse, environment.lock_wait_seconds)
        uses += _subscribed(environment, config, warehouse)
        refresh_halopsa(environment, config, warehouse, "halopsa_items")
    uses += _charged(warehouse)
    with warehouse.session("read items and confirmed products") as session:
        items, confirmed = latest_snapshot(session, "halopsa_items").rows, confirmed_products(session, config)
    _print_proposals(propose_products(config, uses, items, confirmed))
    return DONE


@app.command()
@ends_with_exit_code
def match(
    all_subscriptions: Annotated[
        bool, typer.Option("--all", help="All products of current Pax8 subscriptions, before the first month.")
    ] = False,
    create: Annotated[
        bool, typer.Option("--create", help="With --all: create in HaloPSA what mode create has no item for.")
    ] = False,
) -> int:
    """Show the item of every product under each client's product lifecycle: of the newest month, or of all."""
    from billing_pipeline.billing.errors import SettingsError
    from billing_pipeline.commands.refresh import CODES, refresh_halopsa
    from billing_pipeline.commands.surroundings import read_environment
    from billing_pipeline.commands.terminal import say
    from billing_pipeline.resources.warehouse import Warehouse
    from billing_pipeline.settings.load import load_settings
    from billing_pipeline.steps.halopsa_codes import read_known_codes
    from billing_pipeline.steps.match_products import match_products
    from billing_pipeline.steps.reconcile import confirmed_products

    if create and not all_subscriptions:
        raise SettingsError("--create needs --all: the items of a month are created when it is posted.")
    environment = read_environment()
    config = load_settings(environment.config_folder)
    warehouse = Warehouse(environment.warehouse, environment.lock_wait_seconds)
    uses = _subscribed(environment, config, warehouse) if all_subscriptions else _charged(warehouse)
    items = refresh_halopsa(environment, config, warehouse, *CODES)["halopsa_items"]
    with warehouse.session("read confirmed products") as session:
        confirmed, (known, _) = confirmed_products(session, config), read_known_codes(session)
    matched = match_products(config, uses, items, confirmed, known)
    _print_matched(matched)
    held = any(one.problems for one in matched)
    wanted = {one.new_item.reference for one in matched if one.new_item is not None and not one.problems}
    if wanted and create:
        created = _create(environment, config, warehouse, matched)
        _print_created(created)
        held = held or bool(created.problems)
    elif wanted:
        hint = "with --create they are created now" if all_subscriptions else "posting the month creates them"
        say(f"Nothing was created in HaloPSA: {len(wanted)} items are missing there, and {hint}.")
    return HELD if held else DONE


@app.command(name="import")
@ends_with_exit_code
def import_file(
    file: Annotated[
        Path,
        typer.Argument(help="CSV or XLSX, with rows as in products.csv, or products.proposed.csv after a look at it."),
    ],
) -> int:
    """Confirm the matches of a file: all of its rows are added to products.csv, or none."""
    from billing_pipeline.commands.import_report import print_import
    from billing_pipeline.commands.refresh import refresh_halopsa
    from billing_pipeline.commands.surroundings import read_environment
    from billing_pipeline.commands.terminal import new_table, show
    from billing_pipeline.resources.warehouse import Warehouse
    from billing_pipeline.settings.load import load_settings
    from billing_pipeline.steps.import_products import import_products

    environment = read_environment()
    config = load_settings(environment.config_folder)
    warehouse = Warehouse(environment.warehouse, environment.lock_wait_seconds)
    rows = refresh_halopsa(environment, config, warehouse, "halopsa_items")["halopsa_items"]
    items = {int(row["id"]): str(row.get("name", "")) for row in rows}
    result = import_products(config, file, items, _known_products(warehouse))
    if result.added:
        table = new_table("Product", "SKU", "Term", "HaloPSA item")
        for row in result.added:
            item = f"{items[row.halopsa_item_id]} ({row.halopsa_item_id})"
            table.add_row(row.product_id or "", row.sku or "", row.term or "any", item)
        show(table)
    print_import(result.file, len(result.added), result.known, result.skipped, "halopsa_item_id", result.notes)
    return DONE


def _charged(warehouse: "Warehouse") -> "list[ProductUse]":
    from billing_pipeline.steps.products_in_use import newest_month, products_of_month

    with warehouse.session("read the month's products") as session:
        month = newest_month(session)
        return [] if month is None else products_of_month(session, month)


def _subscribed(environment: "Environment", config: "LoadedSettings", warehouse: "Warehouse") -> "list[ProductUse]":
    from billing_pipeline.commands.connections import open_pax8
    from billing_pipeline.commands.progress import show_waits
    from billing_pipeline.commands.refresh import refresh_companies
    from billing_pipeline.steps.products_in_use import products_of_subscriptions

    if config.settings.integrations.pax8.trust_external_id:
        refresh_companies(environment, config, warehouse)
    with show_waits(), open_pax8(environment, config.settings) as pax8:
        subscriptions, catalogue = pax8.subscriptions(), pax8.products()
    with warehouse.session("map companies") as session:
        return products_of_subscriptions(session, config, subscriptions, catalogue)


def _known_products(warehouse: "Warehouse") -> "list[Product]":
    from billing_pipeline.steps.products_in_use import products_ever_charged

    with warehouse.session("read the products of all months") as session:
        return products_ever_charged(session)


def _create(
    environment: "Environment", config: "LoadedSettings", warehouse: "Warehouse", matched: "Sequence[MatchedProduct]"
) -> "CreatedItems":
    from billing_pipeline.commands.connections import open_halopsa
    from billing_pipeline.commands.progress import show_waits
    from billing_pipeline.steps.match_products import create_matched
    from billing_pipeline.steps.work import Work

    now = environment.now()
    run_id = f"products match {now:%Y-%m-%dT%H:%M:%SZ}"
    work = Work(f"{now:%Y-%m}", (), warehouse, config, now, run_id, environment.now)
    with show_waits(), open_halopsa(environment, config.settings) as halo:
        return create_matched(work, halo, matched)


def _print_proposals(result: "ProductProposals") -> None:
    from billing_pipeline.commands.terminal import amount, count, new_table, say, show

    if not result.proposals:
        say(f"Every product has its confirmed row in products.csv. {result.file} is empty.")
    else:
        products = count(len(result.proposals), "product has", "products have")
        say(f"{products} no confirmed row in products.csv. Proposed, and not accepted:")
        # Where clients wait, they are what is urgent; the file has the others too.
        shown = [one for one in result.proposals if one.waiting] or list(result.proposals)
        table = new_table("Product", "Term", "Money", "HaloPSA item", "Score", "Why", counts=("Score",))
        for one in shown:
            best = one.proposed.candidates[0] if one.proposed.candidates else None
            money = "\n".join(amount(sell, currency) for currency, sell in sorted(one.sell.items()))
            item, score = ("none", "") if best is None else (f"{best.item.name} ({best.item.id})", f"{best.score} %")
            product = one.proposed.product
            waiting = f"; {count(len(one.waiting), 'client waits', 'clients wait')} for it" if one.waiting else ""
            table.add_row(product.name or product.sku, product.term, money, item, score, one.proposed.why + waiting)
        show(table)
        if len(result.proposals) > len(shown):
            say(f"{len(result.proposals) - len(shown)} more, for which no client waits, are in the file.")
        say(f"{result.file}")
        doubtful = sum(one.proposed.item_id is None for one in result.proposals)
        if doubtful:
            rows = count(doubtful, "row is", "rows are")
            say(f"    {rows} doubtful: write the right id under halopsa_item_id, or leave it empty.")
        say("    Take out what is not right, then:")
        say(f"    billing-pipeline products import {quote(str(result.file))}")
    for note in result.notes:
        say(note)


def _print_matched(matched: "Sequence[MatchedProduct]") -> None:
    from billing_pipeline.commands.terminal import count, new_table, say, show

    if not matched:
        say("There is no product to match.")
        return
    table = new_table("Product", "SKU", "Term", "Mode", "Clients", "Item", "By", counts=("Clients",))
    on_default: dict[str, list[MatchedProduct]] = {}
    for one in matched:
        item = "" if one.decision.item_id is None else f"{one.item_name or 'unknown'} ({one.decision.item_id})"
        if one.decision.decision == "default_item" and not one.problems:
            on_default.setdefault(item, []).append(one)
            continue
        by = "; ".join(one.problems) or one.decision.decision.replace("_", " ")
        if one.new_item is not None and not one.problems:
            item, by = f"new, in {one.new_item.item_group}", "create"
        table.add_row(
            one.product.name, one.product.sku, one.product.term, ", ".join(one.modes), str(len(one.clients)), item, by
        )
    if table.row_count:
        show(table)
    for item, products in on_default.items():
        clients = {client for one in products for client in one.clients}
        say(
            f"{count(len(products), 'product')} of {count(len(clients), 'client')} "
            f"{'goes' if len(products) == 1 else 'go'} on the default item {item}."
        )
    held = sum(bool(one.problems) for one in matched)
    if held:
        say(f"{count(held, 'of these holds its clients', 'of these hold their clients')} until it is settled.")


def _print_created(created: "CreatedItems") -> None:
    from billing_pipeline.commands.terminal import count, say

    say(f"{count(len(created.item_ids), 'item')} created in HaloPSA, or found there again by externalreference:")
    for reference, item_id in sorted(created.item_ids.items()):
        say(f"    {item_id}  {reference}")
    for reference, problem in sorted(created.problems.items()):
        say(f"    not created: {reference}: {problem}")
