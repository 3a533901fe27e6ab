"""Turns the rows of the CSV files into what the rules use, and finds what contradicts itself in them."""

from collections.abc import Collection

from billing_pipeline.billing.line_decisions import DECISIONS, check_decision
from billing_pipeline.billing.mapping_rows import (
    ClientRow,
    LineDecisionRow,
    ProductRow,
    ProductTemplateRow,
    TaxLocationRow,
    normalise_postcode,
)
from billing_pipeline.billing.names import is_same_name, normal_name
from billing_pipeline.billing.setting_types import INTEGRATIONS, check_client_key
from billing_pipeline.billing.terms import KNOWN_TERMS, normalise_term
from billing_pipeline.settings.csv_files import CsvRow
from billing_pipeline.settings.nearest import suggest

COLUMNS = {
    "clients.csv": (
        "client",
        "name",
        "halopsa_client_id",
        "pax8_company_id",
        "excluded",
        "recurring_invoice_id",
        "contract_id",
    ),
    "products.csv": ("integration", "product_id", "sku", "term", "halopsa_item_id"),
    "product_templates.csv": ("halopsa_item_id", "name", "tax_code"),
    "tax_locations.csv": ("postcode_prefix", "tax_code"),
    "line_decisions.csv": ("integration", "invoice_id", "source_line_id", "decision", "value", "by", "why"),
}

_CANDIDATES = ("candidate", "score", "candidate_2", "score_2", "candidate_3", "score_3")
PROPOSED_COLUMNS = {
    "clients.csv": (*_CANDIDATES, "why", "currency", "sell"),
    "products.csv": ("name", *_CANDIDATES, "why", "waiting", "currency", "sell"),
}
"""What the files of proposals have after the columns of these files."""


def read_clients(rows: list[CsvRow]) -> tuple[ClientRow, ...]:
    """Return a row for each client and Pax8 company, in the order of the file.

    Notes a company in two rows, one client with differing values over its rows, and two clients with one
    HaloPSA id. An excluded client needs no HaloPSA id, and so none that another client has.
    """
    clients: list[ClientRow] = []
    first_of: dict[str, tuple[CsvRow, ClientRow]] = {}
    row_of_company: dict[str, CsvRow] = {}
    client_of_id: dict[int, tuple[str, CsvRow]] = {}
    for row in rows:
        client = _read_client(row)
        if client is None:
            continue
        first_row, first = first_of.setdefault(client.client, (row, client))
        if first is not client:
            _compare_with_first(row, client, first_row.place_from(row), first)
        company = client.pax8_company_id
        if company is not None:
            other_row = row_of_company.setdefault(company.casefold(), row)
            if other_row is not row:
                place = other_row.place_from(row)
                row.complain("pax8_company_id", f"company {company} already stands on {place}: keep one row")
        if client.halopsa_client_id is not None:
            other, other_row = client_of_id.setdefault(client.halopsa_client_id, (client.client, row))
            if other != client.client:
                row.complain(
                    "halopsa_client_id",
                    f"HaloPSA client {client.halopsa_client_id} is {other} on {other_row.place_from(row)} and "
                    f"{client.client} here: give both one client key, or this one its own HaloPSA id",
                )
        clients.append(client)
    return tuple(clients)


def _read_client(row: CsvRow) -> ClientRow | None:
    before = len(row.problems)
    key, name = row.required("client"), row.required("name")
    if key is not None:
        try:
            check_client_key(key)
        except ValueError as error:
            row.complain("client", str(error))
    excluded = row.boolean("excluded")
    halopsa_client_id = row.integer("halopsa_client_id")
    if excluded is False and row.text("halopsa_client_id") is None:
        row.complain(
            "halopsa_client_id",
            f"is empty: write the HaloPSA id of {key or 'the client'}, or true under excluded if it is never billed",
        )
    client = ClientRow(
        client=key or "",
        name=name or "",
        halopsa_client_id=halopsa_client_id,
        pax8_company_id=row.identifier("pax8_company_id"),
        excluded=excluded or False,
        recurring_invoice_id=row.integer("recurring_invoice_id", may_be_negative=True),
        contract_id=row.integer("contract_id"),
    )
    return client if len(row.problems) == before else None


def _compare_with_first(row: CsvRow, client: ClientRow, place: str, first: ClientRow) -> None:
    for column in ("name", "halopsa_client_id", "excluded", "recurring_invoice_id", "contract_id"):
        here, there = getattr(client, column), getattr(first, column)
        if here != there and not (column == "name" and is_same_name(here, there)):
            row.complain(
                column,
                f"client {client.client} has {_show(here)} here and {_show(there)} on {place}: "
                "all rows of a client say the same",
            )
    if client.pax8_company_id is None and first.pax8_company_id is None:
        row.complain("", f"client {client.client} without a Pax8 company already stands on {place}")


def read_products(rows: list[CsvRow]) -> tuple[ProductRow, ...]:
    """Return the confirmed matches. A row that repeats another is left out; a contradiction is noted."""
    products: dict[tuple[str, str, str, str], tuple[ProductRow, int]] = {}
    for row in rows:
        before = len(row.problems)
        integration, item = row.required("integration"), row.integer("halopsa_item_id")
        row.required("halopsa_item_id")
        if integration is not None and integration not in INTEGRATIONS:
            row.complain("integration", f"unknown integration {integration!r}; {suggest(integration, INTEGRATIONS)}")
        product_id, sku, term = row.identifier("product_id"), row.identifier("sku"), row.identifier("term")
        if row.text("product_id") is None and row.text("sku") is None:
            row.complain("product_id", "product_id and sku are both empty: write at least one")
        known = next((name for name in INTEGRATIONS if name == integration), None)
        if len(row.problems) > before or known is None or item is None:
            continue
        product = ProductRow(known, product_id, sku, term, item)
        if term is not None and normalise_term(term) not in KNOWN_TERMS:
            # No charge would ever have it, and its product would be held without a word about this row.
            row.complain("term", f"{term!r} is no billing term; {suggest(term, KNOWN_TERMS)}")
        key = (known, (product_id or "").casefold(), normal_name(sku or ""), normalise_term(term))
        first, line = products.setdefault(key, (product, row.line))
        if first.halopsa_item_id != item:
            row.complain(
                "halopsa_item_id",
                f"this product is item {first.halopsa_item_id} on line {line} and item {item} here: keep one row",
            )
    return tuple(product for product, _ in products.values())


def read_product_templates(rows: list[CsvRow]) -> tuple[ProductTemplateRow, ...]:
    """Return the templates, one for each HaloPSA item."""
    templates: dict[int, tuple[ProductTemplateRow, int]] = {}
    for row in rows:
        before = len(row.problems)
        item, name, tax_code = row.integer("halopsa_item_id"), row.required("name"), row.integer("tax_code")
        row.required("halopsa_item_id")
        if len(row.problems) > before or item is None or name is None:
            continue
        template = ProductTemplateRow(item, name, tax_code)
        first, line = templates.setdefault(item, (template, row.line))
        if first != template:
            row.complain("halopsa_item_id", f"item {item} has another template on line {line}: keep one row")
    return tuple(template for template, _ in templates.values())


def read_tax_locations(rows: list[CsvRow]) -> tuple[TaxLocationRow, ...]:
    """Return the tax of each postcode prefix; prefixes stay text, for they begin with zeros."""
    locations: dict[str, tuple[TaxLocationRow, int]] = {}
    for row in rows:
        before = len(row.problems)
        prefix, tax_code = row.required("postcode_prefix"), row.integer("tax_code")
        row.identifier("postcode_prefix")
        row.required("tax_code")
        if len(row.problems) > before or prefix is None or tax_code is None:
            continue
        location = TaxLocationRow(normalise_postcode(prefix), tax_code)
        first, line = locations.setdefault(location.postcode_prefix, (location, row.line))
        if first != location:
            row.complain("tax_code", f"prefix {prefix} has tax {first.tax_code} on line {line}: keep one row")
    return tuple(location for location, _ in locations.values())


def read_line_decisions(rows: list[CsvRow], clients: Collection[str]) -> tuple[LineDecisionRow, ...]:
    """Return what was decided for single lines, in the order of the file; `clients` are the keys of clients.csv."""
    decided: dict[tuple[str, str, str, str], tuple[LineDecisionRow, int]] = {}
    for row in rows:
        decision = _read_line_decision(row, clients)
        if decision is None:
            continue
        # Pax8 writes ids in any case; keys are made of them as they are written.
        key = (decision.integration, decision.invoice_id, decision.source_line_id, decision.decision)
        _, line = decided.setdefault(key, (decision, row.line))
        if line != row.line:
            row.complain("decision", f"{decision.decision} is decided for this line on line {line} too: keep one row")
    return tuple(decision for decision, _ in decided.values())


def _read_line_decision(row: CsvRow, clients: Collection[str]) -> LineDecisionRow | None:
    before = len(row.problems)
    integration, name = row.required("integration"), row.required("decision")
    invoice_id, source_line_id = row.required("invoice_id"), row.required("source_line_id")
    by, why, value = row.required("by"), row.required("why"), row.text("value") or ""
    if integration is not None and integration not in INTEGRATIONS:
        row.complain("integration", f"unknown integration {integration!r}; {suggest(integration, INTEGRATIONS)}")
    decision = next((one for one in DECISIONS if one == (name or "").lower()), None)
    if name is not None and decision is None:
        row.complain("decision", f"unknown decision {name!r}; {suggest(name, DECISIONS)}")
    if decision is not None:
        try:
            value = check_decision(decision, value)
        except ValueError as error:
            row.complain("value", str(error))
    if decision == "client" and value and value not in clients:
        row.complain("value", f"no row of clients.csv has client {value!r}; {_suggest_client(value, clients)}")
    known = next((one for one in INTEGRATIONS if one == integration), None)
    if len(row.problems) > before or known is None or decision is None:
        return None
    return LineDecisionRow(known, invoice_id or "", source_line_id or "", decision, value, by or "", why or "")


def _suggest_client(value: str, clients: Collection[str]) -> str:
    return suggest(value, clients) if clients else "clients.csv has no client yet"


def _show(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case _:
            return repr(value)
