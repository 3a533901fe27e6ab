"""`codes`: what HaloPSA has to choose defaults from, read live."""

from collections.abc import Mapping, Sequence
from typing import Any

from billing_pipeline.commands.connections import open_halopsa
from billing_pipeline.commands.outcome import DONE
from billing_pipeline.commands.progress import show_waits
from billing_pipeline.commands.surroundings import read_environment
from billing_pipeline.commands.terminal import head, new_table, say, show
from billing_pipeline.settings.load import load_settings
from billing_pipeline.steps.account_codes import EXPENSE, INCOME, account_codes
from billing_pipeline.steps.halo_facts import integer, text

Row = Mapping[str, Any]


def codes() -> int:
    """Write the items, taxes and account codes that `settings.codes` can name."""
    environment = read_environment()
    settings = load_settings(environment.config_folder).settings
    with show_waits(), open_halopsa(environment, settings) as halo:
        items, groups, taxes = halo.items(), halo.product_groups(), halo.taxes()
        accounts = account_codes(items, groups, halo.recurring_invoices())
    _print_items(items, groups)
    _print_taxes(taxes)
    _print_accounts("Income accounts, for codes.accounts", accounts, INCOME)
    _print_accounts("Expense accounts, for codes.expense", accounts, EXPENSE)
    return DONE


def _print_items(items: Sequence[Row], groups: Sequence[Row]) -> None:
    head("Items, for codes.item")
    names = {integer(group.get("id")): text(group.get("name")) for group in groups}
    table = new_table("Id", "Name", "Group", "Vendor SKU", "Income", "Expense", "Tax", counts=("Id",))
    for item in items:
        table.add_row(
            text(item.get("id")),
            text(item.get("name")),
            names.get(integer(item.get("assetgroup_id")), ""),
            text(item.get("supplier_part_code")),
            text(item.get("nominalcode")),
            text(item.get("purchasenominalcode")),
            _code(item.get("taxcode")),
        )
    show(table) if items else say("HaloPSA has no item.")


def _print_taxes(taxes: Sequence[Row]) -> None:
    head("Taxes, for codes.tax")
    table = new_table("Id", "Code", "Name", "Percent", counts=("Id", "Percent"))
    for tax in taxes:
        table.add_row(text(tax.get("id")), text(tax.get("code")), text(tax.get("name")), text(tax.get("value")))
    show(table) if taxes else say("HaloPSA has no tax.")


def _print_accounts(title: str, accounts: Sequence[Row], kind: str) -> None:
    head(title)
    used: dict[str, list[str]] = {}
    for row in accounts:
        if row["kind"] == kind:
            uses = f"{row['uses']:,} {row['used_on']}{'s' if row['uses'] != 1 else ''}"
            used.setdefault(row["code"], []).append(uses)
    table = new_table("Code", "Used on")
    for code, places in used.items():
        table.add_row(code, ", ".join(places))
    show(table) if used else say("None is in use. HaloPSA keeps no list of them: they are texts on items and lines.")


def _code(value: Any) -> str:
    number = integer(value)
    return "" if number is None else str(number)
