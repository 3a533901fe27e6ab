"""Pax8's Partner API: invoices and their items, companies, products, subscriptions. Read only."""

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import dagster as dg
from pydantic import Field

from billing_pipeline.billing.canonical import canonical_json
from billing_pipeline.billing.errors import (
    IncompleteInvoice,
    NotFound,
    ServiceError,
    UnreadableAnswer,
)
from billing_pipeline.billing.invoice_status import standing
from billing_pipeline.billing.source_dates import read_day
from billing_pipeline.billing.source_ids import own_id
from billing_pipeline.resources.failures import ServiceFacts
from billing_pipeline.resources.http import HttpService, Query, demand_values
from billing_pipeline.resources.limits import limits_of
from billing_pipeline.resources.oauth import TokenRequest
from billing_pipeline.resources.paging import PagedRows, Pax8Pages, Row
from billing_pipeline.resources.retries import RetryPolicy
from billing_pipeline.resources.rights import check_rights

logger = logging.getLogger(__name__)

RESOURCES = ("invoices", "companies", "products", "subscriptions")

FACTS = ServiceFacts(
    name="Pax8",
    url_variable="PAX8_BASE_URL",
    token_url_variable="PAX8_TOKEN_URL",  # noqa: S106 (the name of a variable)
    credential_variables=("PAX8_CLIENT_ID", "PAX8_CLIENT_SECRET", "PAX8_AUDIENCE", "PAX8_TOKEN_URL"),
    where_to_grant="to the API credentials: a partner admin makes them in Pax8's Integrations Hub",
    rights={name: (f"the right to read {name}", f"the right to change {name}") for name in RESOURCES},
)


@dataclass(frozen=True)
class InvoiceItems:
    """All items of one invoice, proved complete.

    `rows` in Pax8's order, `total_elements` as Pax8 counts them, `pages` the body of each page to the byte.
    """

    rows: list[Row]
    total_elements: int
    pages: list[str]


class ListedRows(list[Row]):
    """The rows of a Pax8 list. `notes` say what a person should know of it though it stops nothing."""

    def __init__(self, rows: Iterable[Row] = (), notes: Iterable[str] = ()) -> None:
        super().__init__(rows)
        self.notes = tuple(notes)


class Pax8Client:
    """Reads Pax8. Thread-safe; closed by `close` or `with`.

    Every method raises ServiceError or one of its kinds: CredentialsRefused, PermissionMissing,
    ServiceUnreachable (after the retries), UnreadableAnswer, and IncompleteInvoice for items.
    Processes whose requests are counted `beside` the same warehouse keep Pax8's limit together.
    """

    def __init__(
        self,
        base_url: str,
        token_url: str,
        audience: str,
        client_id: str,
        client_secret: str,
        requests_per_minute: int | None = 1000,
        timeout_seconds: float = 60,
        policy: RetryPolicy | None = None,
        page_size: int = 200,
        beside: Path | None = None,
    ) -> None:
        demand_values(
            "Pax8",
            {
                "PAX8_BASE_URL": base_url,
                "PAX8_TOKEN_URL": token_url,
                "PAX8_AUDIENCE": audience,
                "PAX8_CLIENT_ID": client_id,
                "PAX8_CLIENT_SECRET": client_secret,
            },
        )
        token = TokenRequest(
            url=token_url,
            body="json",
            fields={"client_id": client_id, "client_secret": client_secret, "audience": audience},
            query={},
            credential_variables=", ".join(FACTS.credential_variables),
        )
        limits = limits_of("Pax8", f"{base_url} {client_id}", requests_per_minute, 60, beside)
        self._service = HttpService(FACTS, base_url, token, limits, timeout_seconds, policy)
        self._pages = Pax8Pages(self._service, page_size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

    @property
    def requests(self) -> Counter[str]:
        """Requests sent so far by "METHOD route", ids as {id}, retries and tokens included."""
        return self._service.requests

    def invoices(self, first: date, last: date) -> ListedRows:
        """Every invoice whose invoiceDate lies in [first, last], both included, by (invoiceDate, id).

        Asked for with a day more on each side, and chosen here: what a filter does at its ends, and
        whether it does anything, is not taken on trust. An empty list means that Pax8 has none *yet*.
        One without a date is left out, and noted, if it bills nothing; else which month it is of must be known.
        """
        query: Query = {
            "invoiceDateRangeStart": (first - timedelta(days=1)).isoformat(),
            "invoiceDateRangeEnd": (last + timedelta(days=1)).isoformat(),
        }
        rows = self._list("/invoices", query)
        dated = [(day, row) for day, row in ((_invoice_date(row), row) for row in rows) if day is not None]
        notes = [self._note_undated(row) for row in rows if _invoice_date(row) is None]
        chosen = [(day, row) for day, row in dated if first <= day <= last]
        return ListedRows((row for _, row in sorted(chosen, key=lambda pair: (pair[0], str(pair[1]["id"])))), notes)

    def _note_undated(self, row: Row) -> str:
        """What is said of an invoice without a date that bills nothing; raises UnreadableAnswer where it may bill."""
        name = f"invoice {row['id']} has the invoiceDate {row.get('invoiceDate')!r}, which is no date"
        if standing(str(row.get("status") or "")) == "not_billed":
            return f"Pax8: {name}. It is {row['status']} and bills nothing."
        items = self._service.find(f"/invoices/{quote(str(row['id']), safe='')}/items", {"page": 0, "size": 1})
        match None if items is None else items.data:
            case {"page": {"totalElements": 0}}:
                return f"Pax8: {name}. It has no lines and bills nothing."
        raise UnreadableAnswer(f"Pax8: {name}: which month it belongs to is unknown. Look at it in Pax8.")

    def invoice(self, invoice_id: str) -> Row:
        """One invoice by id."""
        data = self._service.get(f"/invoices/{quote(invoice_id, safe='')}").data
        if not isinstance(data, dict) or data.get("id") != invoice_id:
            raise UnreadableAnswer(f"Pax8: asked for invoice {invoice_id}, got something else.")
        return data

    def find_invoice(self, invoice_id: str) -> Row | None:
        """One invoice by id; None where Pax8 says 404."""
        answer = self._service.find(f"/invoices/{quote(invoice_id, safe='')}")
        if answer is None:
            return None
        if not isinstance(answer.data, dict) or answer.data.get("id") != invoice_id:
            raise UnreadableAnswer(f"Pax8: asked for invoice {invoice_id}, got something else.")
        return answer.data

    def invoice_items(self, invoice_id: str) -> InvoiceItems:
        """All items of an invoice, complete, or IncompleteInvoice.

        Complete is: as many rows as `totalElements`, no id twice; read once more where that fails. Rows
        without an id could hide one that came twice beside one that is lost: such an invoice is read twice,
        and both reads must hold the same rows.
        """
        path = f"/invoices/{quote(invoice_id, safe='')}/items"
        try:
            read = self._read_complete(path, None, f"invoice {invoice_id}", IncompleteInvoice)
        except NotFound:
            # The invoice was listed at this very address: that is right.
            raise IncompleteInvoice(
                f"Pax8: invoice {invoice_id} is listed, and its items are answered with 404. Nothing was kept; try "
                "again later, and ask Pax8's support if it stays so."
            ) from None
        if any(own_id(row.get("id")) is None for row in read.rows):
            again = self._read_complete(path, None, f"invoice {invoice_id}", IncompleteInvoice)
            if _multiset(read) != _multiset(again):
                raise IncompleteInvoice(
                    f"Pax8: invoice {invoice_id} has items without id, and two reads of its "
                    f"{read.counts[0]} items differ. Nothing was kept; try again later."
                )
        return InvoiceItems(rows=list(read.rows), total_elements=read.counts[0], pages=list(read.pages))

    def companies(self) -> ListedRows:
        """All companies, by id."""
        return self._list_names("/companies")

    def products(self) -> ListedRows:
        """All products, by id."""
        return self._list_names("/products")

    def subscriptions(self) -> ListedRows:
        """All subscriptions, by id."""
        return self._list_names("/subscriptions")

    def check(self) -> list[str]:
        """Try the credentials and each right with one small read; a line for each that works.

        Raises CredentialsRefused, ServiceUnreachable …, or one PermissionMissing with every right missing.
        """
        return check_rights([partial(self._readable, name) for name in RESOURCES])

    def _readable(self, name: str) -> str:
        match self._service.get(f"/{name}", {"page": 0, "size": 1}).data:
            case {"page": {"totalElements": int(count)}}:
                return f"Pax8 {name}: readable, {count} there"
        raise UnreadableAnswer(f"Pax8: GET /{name} is not a list as Pax8 documents it. Check PAX8_BASE_URL.")

    def _list_names(self, path: str) -> ListedRows:
        """A list that only names things: one that does not prove complete, read twice, is told and used all the same.

        Of a row that came twice stays what both say: nothing is trusted that Pax8 says in two ways.
        """
        what = path.strip("/")
        reads = [self._pages.read(path)]
        if reads[0].gap() is not None:
            reads.append(self._pages.read(path))
        gap = reads[-1].gap()
        found: dict[str, Row] = {}
        nameless = 0
        for row in (row for read in (reads if gap is not None else reads[-1:]) for row in read.rows):
            if not isinstance(row.get("id"), str):
                nameless += 1
                continue
            held = found.setdefault(row["id"], row)
            found[row["id"]] = {name: value for name, value in held.items() if row.get(name) == value}
        notes = [f"Pax8: the list {what} does not prove complete, read twice: {gap}"] if gap is not None else []
        notes += [f"Pax8: {nameless} rows of GET {path} have no id and were left out"] if nameless else []
        for note in notes:
            logger.warning("%s", note)
        return ListedRows((found[row_id] for row_id in sorted(found)), notes)

    def _list(self, path: str, query: Query | None = None) -> list[Row]:
        rows = self._read_complete(path, query, f"the list {path.strip('/')}", UnreadableAnswer).rows
        if any(not isinstance(row.get("id"), str) for row in rows):
            raise UnreadableAnswer(f"Pax8: a row of GET {path} has no id.")
        return sorted(rows, key=lambda row: str(row["id"]))

    def _read_complete(self, path: str, query: Query | None, what: str, error: type[ServiceError]) -> PagedRows:
        # Pages are no snapshot: a list that changed between two of them is whole the next time.
        gaps = []
        for _ in range(2):
            read = self._pages.read(path, query)
            gap = read.gap()
            if gap is None:
                return read
            gaps.append(gap)
        raise error(
            f"Pax8: {what} does not prove complete, read twice: {'; then '.join(gaps)}. "
            f"Nothing was kept; try again later, and ask Pax8's support if it stays so."
        )


class Pax8Resource(dg.ConfigurableResource["Pax8Resource"]):
    """Pax8 for Dagster: plain settings, nothing is opened or checked before `open`."""

    base_url: str = "https://api.pax8.com/v1"
    token_url: str = "https://api.pax8.com/v1/token"  # noqa: S105 (an address)
    audience: str = "https://api.pax8.com"
    client_id: str = ""
    client_secret: str = Field(default="", repr=False)
    requests_per_minute: int = 1000
    timeout_seconds: int = 60
    beside: str = ""

    def open(self, policy: RetryPolicy | None = None, timeout_seconds: float | None = None) -> Pax8Client:
        """A client to use with `with`; raises SettingsError naming the variables that are not set.

        `policy` and `timeout_seconds` are for a caller that cannot wait as long as a run can.
        """
        return Pax8Client(
            base_url=self.base_url,
            token_url=self.token_url,
            audience=self.audience,
            client_id=self.client_id,
            client_secret=self.client_secret,
            requests_per_minute=self.requests_per_minute,
            timeout_seconds=timeout_seconds or self.timeout_seconds,
            policy=policy,
            beside=Path(self.beside) if self.beside else None,
        )


def _invoice_date(row: Row) -> date | None:
    return read_day(row.get("invoiceDate"))


def _multiset(read: PagedRows) -> Counter[str]:
    return Counter(canonical_json(row) for row in read.rows)
