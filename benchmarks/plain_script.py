"""What one would write without this project: read the Pax8 invoice, and bill the clients one after the other.

For each client it searches HaloPSA for the month's invoice, reads the client, posts one invoice, and reads it back:
no plan, no journal, no modifiers, one request at a time over one connection. It uses nothing of the pipeline, and
does what a careful script does: exact decimals, keep-alive, complete pages, no second invoice on a second run.
"""

import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx

from benchmarks.apart import answer, read_order

Json = dict[str, Any]
CENT = Decimal("0.01")
PAX8_PAGE, HALO_PAGE = 200, 100


def bill_month(environment: Mapping[str, str], clients_csv: Path, item: int, account: str, month: str) -> int:
    """How many invoices were created. Raises RuntimeError for an inactive client, or an invoice of another amount."""
    with clients_csv.open(newline="", encoding="utf-8") as file:
        clients = list(csv.DictReader(file))
    with httpx.Client(timeout=60) as http:
        charges = read_charges(http, environment, month)
        token = http.post(
            f"{environment['HALOPSA_AUTHORISATION_SERVER']}/token",
            params={"tenant": environment["HALOPSA_TENANT"]},
            data={
                "grant_type": "client_credentials",
                "client_id": environment["HALOPSA_CLIENT_ID"],
                "client_secret": environment["HALOPSA_CLIENT_SECRET"],
                "scope": "all",
            },
        )
        http.headers["Authorization"] = f"Bearer {read(token)['access_token']}"
        server = environment["HALOPSA_RESOURCE_SERVER"]
        posted = 0
        for client in clients:
            lines = charges.get(client["pax8_company_id"])
            if lines and bill_client(http, server, int(client["halopsa_client_id"]), lines, item, account, month):
                posted += 1
    return posted


def read_charges(http: httpx.Client, environment: Mapping[str, str], month: str) -> dict[str, list[Json]]:
    """The lines of the month's invoices by company."""
    asked = {
        "grant_type": "client_credentials",
        "client_id": environment["PAX8_CLIENT_ID"],
        "client_secret": environment["PAX8_CLIENT_SECRET"],
        "audience": environment["PAX8_AUDIENCE"],
    }
    token = read(http.post(environment["PAX8_TOKEN_URL"], json=asked))
    http.headers["Authorization"] = f"Bearer {token['access_token']}"
    server = environment["PAX8_BASE_URL"]
    charges: dict[str, list[Json]] = defaultdict(list)
    for invoice in pax8_pages(http, f"{server}/invoices"):
        if invoice["invoiceDate"].startswith(month) and invoice["status"] not in ("Void", "Credited"):
            for line in pax8_pages(http, f"{server}/invoices/{invoice['id']}/items"):
                charges[line["companyId"]].append({**line, "invoiceDate": invoice["invoiceDate"]})
    return charges


def bill_client(
    http: httpx.Client, server: str, client_id: int, lines: list[Json], item: int, account: str, month: str
) -> bool:
    """Whether an invoice was created: not where the client has the month's already."""
    reference = f"Pax8 {month}"
    query: dict[str, str | int] = {"client_id": client_id, "pageinate": "true", "page_no": 1, "page_size": HALO_PAGE}
    found = read(http.get(f"{server}/Invoice", params=query))["invoices"]
    if any(invoice["client_id"] == client_id and invoice.get("reference") == reference for invoice in found):
        return False
    client = read(http.get(f"{server}/Client/{client_id}", params={"includedetails": "true"}))
    if client.get("inactive"):
        raise RuntimeError(f"client {client_id} is inactive")
    invoice = {
        "client_id": client_id,
        "invoice_date": f"{lines[0]['invoiceDate']}T00:00:00",
        "currency_code": client["default_currency_code"],
        "reference": reference,
        "posted": False,
        "lines": [invoice_line(line, item, account) for line in lines],
    }
    sent = read(http.post(f"{server}/Invoice", content=write([invoice]), headers={"Content-Type": "application/json"}))
    back = read(http.get(f"{server}/Invoice/{sent['id']}", params={"includedetails": "true"}))
    planned = sum(line["unit_price"] for line in invoice["lines"])
    if sum(Decimal(line["net_amount"]) for line in back["lines"]) != planned:
        raise RuntimeError(f"invoice {sent['id']} of client {client_id} is not over {planned}")
    return True


def invoice_line(line: Json, item: int, account: str) -> Json:
    price, cost = (Decimal(line[name]).quantize(CENT, ROUND_HALF_UP) for name in ("total", "costTotal"))
    return {
        "_itemid": item,
        "item_shortdescription": line["description"],
        "item_longdescription": f"{line['quantity']} from {line['startPeriod']} to {line['endPeriod']}",
        "qty_order": 1,
        "unit_price": price,
        "baseprice": price,
        "unit_cost": cost,
        "nominal_code": account,
    }


def pax8_pages(http: httpx.Client, url: str) -> Iterator[Json]:
    """Every row of a Pax8 list."""
    number, pages = 0, 1
    while number < pages:
        page = read(http.get(url, params={"page": number, "size": PAX8_PAGE}))
        yield from page.get("content", ())
        number, pages = number + 1, page["page"]["totalPages"]


def read(response: httpx.Response) -> Any:
    response.raise_for_status()
    return json.loads(response.text, parse_float=Decimal)


def write(value: object) -> str:
    # The cents of an invoice fit a double: what is written is the number that was meant.
    return json.dumps(value, default=float)


def main() -> None:
    order = read_order()
    started = perf_counter()
    posted = bill_month(
        order["environment"], Path(order["clients_csv"]), order["item"], order["account"], order["month"]
    )
    answer(posted=posted, seconds=perf_counter() - started)


if __name__ == "__main__":
    main()
