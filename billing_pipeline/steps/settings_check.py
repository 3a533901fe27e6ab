"""Whether what the settings name is there: items, taxes, accounts, clients and companies."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from billing_pipeline.billing.double_billing import describe_synced_lines
from billing_pipeline.billing.settings_resolution import level_path
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.steps.account_codes import EXPENSE, INCOME
from billing_pipeline.steps.client_details import describe_doubts, find_imports
from billing_pipeline.steps.halo_facts import billed_client, integer, recurring_client_id, rows_by_id, text
from billing_pipeline.steps.halo_targets import read_target

Row = Mapping[str, Any]


@dataclass(frozen=True)
class HaloPsaLists:
    """What HaloPSA has: complete lists, and the account codes in use."""

    clients: Sequence[Row]
    items: Sequence[Row]
    taxes: Sequence[Row]
    recurring_invoices: Sequence[Row]
    contracts: Sequence[Row]
    account_codes: Sequence[Row]
    client_details: Sequence[Row] = ()


@dataclass(frozen=True)
class SettingsCheck:
    """`problems` must be corrected before a month is closed; `remarks` a person should know."""

    problems: tuple[str, ...]
    remarks: tuple[str, ...]


def check_settings(
    loaded: LoadedSettings, halopsa: HaloPsaLists, pax8_companies: Sequence[Row], today: date
) -> SettingsCheck:
    """Compare the settings with both services. Nothing is changed anywhere."""
    problems = [
        *_missing_codes(loaded, halopsa),
        *_missing_products(loaded, halopsa),
        *_missing_clients(loaded, halopsa),
    ]
    remarks = [
        *_unused_accounts(loaded, halopsa),
        *_inactive_clients(loaded, halopsa),
        *_unknown_companies(loaded, pax8_companies),
        *_billed_by_halopsa(loaded, halopsa, today),
    ]
    return SettingsCheck(tuple(dict.fromkeys(problems)), tuple(dict.fromkeys(remarks)))


def _code_settings(loaded: LoadedSettings, key: str) -> Iterator[tuple[Any, str]]:
    """Each value that some client has for `codes.<key>`, and where it stands."""
    for integration in loaded.settings.enabled_integrations:
        for client in (None, *sorted(loaded.settings.clients)):
            resolved = loaded.resolve(client, integration)
            value, level = getattr(resolved.charge.codes, key), resolved.level(f"codes.{key}")
            place = level_path(level, client, integration)
            origin = None if place is None else loaded.origin((*place, "codes", key))
            if value is not None:
                yield value, f"{origin[0]}:{origin[1]}: " if origin else ""


def _missing_codes(loaded: LoadedSettings, halopsa: HaloPsaLists) -> Iterator[str]:
    items, taxes = _ids(halopsa.items), _ids(halopsa.taxes)
    for value, where in _code_settings(loaded, "item"):
        if value not in items:
            yield f"{where}codes.item {value} is no active item of HaloPSA; billing-pipeline codes lists them"
    for value, where in _code_settings(loaded, "tax"):
        if value not in taxes:
            yield f"{where}codes.tax {value} is no tax of HaloPSA; billing-pipeline codes lists them"


def _missing_products(loaded: LoadedSettings, halopsa: HaloPsaLists) -> Iterator[str]:
    items, taxes = _ids(halopsa.items), _ids(halopsa.taxes)
    for row in loaded.products:
        if row.halopsa_item_id not in items:
            product = row.product_id or row.sku
            yield f"products.csv: {product} has item {row.halopsa_item_id}, which HaloPSA does not list as active"
    for template in loaded.product_templates:
        if template.halopsa_item_id not in items:
            yield f"product_templates.csv: HaloPSA does not list item {template.halopsa_item_id} as active"
        if template.tax_code is not None and template.tax_code not in taxes:
            yield f"product_templates.csv: {template.tax_code} is no tax of HaloPSA"
    for location in loaded.tax_locations:
        if location.tax_code not in taxes:
            yield f"tax_locations.csv: {location.postcode_prefix} has {location.tax_code}, which is no tax of HaloPSA"


def _missing_clients(loaded: LoadedSettings, halopsa: HaloPsaLists) -> Iterator[str]:
    clients = {integer(row.get("id")): row for row in halopsa.clients}
    owners = {
        name: {integer(row.get("id")): integer(row.get("client_id")) for row in rows}
        for name, rows in (("recurring invoice", halopsa.recurring_invoices), ("contract", halopsa.contracts))
    }
    for row in loaded.clients:
        if row.halopsa_client_id is None:
            continue
        if row.halopsa_client_id not in clients:
            yield f"clients.csv: {row.client} has HaloPSA client {row.halopsa_client_id}, which HaloPSA does not have"
            continue
        # As planning has it: the recurring invoice is that of the client whom HaloPSA redirects it to.
        redirected = recurring_client_id(clients[row.halopsa_client_id])
        for name, named, expected in (
            ("recurring invoice", row.recurring_invoice_id, redirected),
            ("contract", row.contract_id, row.halopsa_client_id),
        ):
            if named is None:
                continue
            if named not in owners[name]:
                yield f"clients.csv: {row.client} has {name} {named}, which HaloPSA does not have"
            elif owners[name][named] not in (None, expected):
                said = f"clients.csv: {row.client} has {name} {named}, which belongs to HaloPSA client "
                yield f"{said}{owners[name][named]}" + (
                    f"; client {row.halopsa_client_id} has client_to_invoice_recurring {expected}"
                    if expected != row.halopsa_client_id
                    else ""
                )


def _unused_accounts(loaded: LoadedSettings, halopsa: HaloPsaLists) -> Iterator[str]:
    everywhere = {row["code"] for row in halopsa.account_codes}
    for key, kind in (("accounts", INCOME), ("expense", EXPENSE)):
        used = {row["code"] for row in halopsa.account_codes if row["kind"] == kind}
        for value, where in _code_settings(loaded, key):
            if value not in used:
                # As billing.known_codes has it: where no account of the kind is in use, there is nothing to compare.
                held = "; charges that need it are held" if used and value not in everywhere else ""
                yield f"{where}codes.{key} {value} is on nothing in HaloPSA yet: see that it is spelled right{held}"


def _inactive_clients(loaded: LoadedSettings, halopsa: HaloPsaLists) -> Iterator[str]:
    inactive = {integer(row.get("id")): text(row.get("name")) for row in halopsa.clients if row.get("inactive")}
    for row in loaded.clients:
        if not row.excluded and row.halopsa_client_id in inactive:
            yield (
                f"clients.csv: {row.client} is HaloPSA client {row.halopsa_client_id} "
                f"({inactive[row.halopsa_client_id]}), which is inactive: its months will be held"
            )


def _unknown_companies(loaded: LoadedSettings, companies: Sequence[Row]) -> Iterator[str]:
    known = {text(row.get("id")).casefold() for row in companies}
    for row in loaded.clients:
        if row.pax8_company_id is not None and row.pax8_company_id.casefold() not in known:
            yield f"clients.csv: {row.client} has Pax8 company {row.pax8_company_id}, which Pax8 does not list"


def _billed_by_halopsa(loaded: LoadedSettings, halopsa: HaloPsaLists, today: date) -> Iterator[str]:
    """Clients of a Pax8 company whom HaloPSA's own Pax8 integration bills too, and those nobody can say it of."""
    fields = loaded.settings.halopsa_fields
    clients, details = rows_by_id(halopsa.clients), rows_by_id(halopsa.client_details)
    targets = {int(row["id"]): read_target(row, fields) for row in halopsa.recurring_invoices}
    names = {client_id: text(row.get("name")) for client_id, row in clients.items()}
    for row in loaded.clients:
        if row.excluded or row.pax8_company_id is None or row.halopsa_client_id not in clients:
            continue
        billed = billed_client(row.client, clients[row.halopsa_client_id], clients, {})
        ours = f"clients.csv: {row.client} is billed for Pax8 company {row.pax8_company_id}"
        for named in find_imports(billed, details, targets, names):
            if named.is_own and named.target.is_live(today):
                yield f"{ours}, and {named.described}: its months will be held (double_billing)"
        own = [one for one in targets.values() if row.halopsa_client_id in (one.client_id, one.original_client_id)]
        places = list(describe_synced_lines(own, today))
        if places:
            yield f"{ours}, and HaloPSA's own sync bills {'; '.join(places)}: a charge with the same item will be held"
        yield from describe_doubts(billed, details, targets.keys())


def _ids(rows: Iterable[Row]) -> set[int | None]:
    return {integer(row.get("id")) for row in rows}
