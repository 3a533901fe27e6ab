"""HaloPSA's REST API: complete lists, single documents, and writes of one document each.

Writes are never repeated: HaloPSA has no idempotency key, and posting twice makes two invoices.
`RecurringInvoice/process`, which creates real invoices, is not here and must not be.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from time import sleep
from types import TracebackType
from typing import Any, Self

import dagster as dg
from pydantic import Field

from billing_pipeline.billing.errors import NotWritten, OutcomeUnknown, UnreadableAnswer
from billing_pipeline.resources.failures import ServiceFacts
from billing_pipeline.resources.http import HttpService, Query, demand_values
from billing_pipeline.resources.limits import limits_of
from billing_pipeline.resources.oauth import TokenRequest
from billing_pipeline.resources.paging import HaloPages, HaloRows, Row, list_in
from billing_pipeline.resources.retries import RetryPolicy
from billing_pipeline.resources.rights import check_rights
from billing_pipeline.resources.seen_invoices import SeenInvoices, day_of
from billing_pipeline.resources.waits import tell_wait

logger = logging.getLogger(__name__)

_CUSTOMERS = ("read:customers", "edit:customers")
_INVOICES = ("read:invoices", "edit:invoices")

FACTS = ServiceFacts(
    name="HaloPSA",
    url_variable="HALOPSA_RESOURCE_SERVER",
    token_url_variable="HALOPSA_AUTHORISATION_SERVER",  # noqa: S106 (the name of a variable)
    credential_variables=(
        "HALOPSA_CLIENT_ID",
        "HALOPSA_CLIENT_SECRET",
        "HALOPSA_TENANT",
        "HALOPSA_AUTHORISATION_SERVER",
    ),
    where_to_grant=(
        "to the API application (Configuration > Integrations > HaloPSA API > the application > Permissions) "
        "and the same to the role of the agent that it logs on as"
    ),
    rights={
        "Client": _CUSTOMERS,
        "Site": _CUSTOMERS,
        "Item": ("read:items", "edit:items"),
        "AssetGroup": ("read:assets and read:items", "edit:assets and edit:items"),
        "Tax": ("read access to taxes", "edit access to taxes"),
        "Currency": ("read access to currencies", "edit access to currencies"),
        "RecurringInvoice": _INVOICES,
        "Invoice": _INVOICES,
        "ClientContract": ("read:contracts", "edit:contracts"),
    },
    unauthorized_means_permission=True,
    tenant_hint="HaloPSA does so for a wrong tenant: check HALOPSA_TENANT. If it is right, try again later.",
)

LIST_KEYS = {
    "Client": "clients",
    "Site": "sites",
    "Item": "items",
    "AssetGroup": "assetgroups",
    "Tax": "taxes",
    "Currency": "currencies",
    "RecurringInvoice": "invoices",
    "Invoice": "invoices",
    "ClientContract": "contracts",
}

WINDOW_SECONDS = 300.0
"""The rolling window in which HaloPSA counts the requests of a tenant."""

_WITH_INACTIVE: Query = {"includeactive": "true", "includeinactive": "true"}
# How many invoices that a list lacks are asked for by themselves, before it is taken for one that hides rows.
_ASKED_ALONE = 3
_WHOLE: Query = {"includedetails": "true"}


class HaloClient:
    """Reads and writes HaloPSA. Thread-safe; closed by `close` or `with`.

    Reads raise ServiceError or one of its kinds: CredentialsRefused, PermissionMissing, ServiceUnreachable
    (after the retries), UnreadableAnswer. Writes raise NotWritten or OutcomeUnknown and nothing else.
    Lists hold each id once and are sorted by id; `gap` says where one does not prove complete.
    Processes whose requests are counted `beside` the same warehouse keep HaloPSA's limit together.
    """

    def __init__(
        self,
        resource_server: str,
        authorisation_server: str,
        tenant: str,
        client_id: str,
        client_secret: str,
        requests_per_5_minutes: int | None = 300,
        timeout_seconds: float = 60,
        policy: RetryPolicy | None = None,
        beside: Path | None = None,
    ) -> None:
        demand_values(
            "HaloPSA",
            {
                "HALOPSA_RESOURCE_SERVER": resource_server,
                "HALOPSA_AUTHORISATION_SERVER": authorisation_server,
                "HALOPSA_CLIENT_ID": client_id,
                "HALOPSA_CLIENT_SECRET": client_secret,
            },
        )
        self.address = resource_server.rstrip("/")
        self.tenant = tenant
        token = TokenRequest(
            url=f"{authorisation_server.rstrip('/')}/token",
            body="form",
            fields={"client_id": client_id, "client_secret": client_secret, "scope": "all"},
            query={"tenant": tenant} if tenant else {},
            credential_variables=", ".join(FACTS.credential_variables),
        )
        limits = limits_of("HaloPSA", f"{self.address} {tenant}", requests_per_5_minutes, WINDOW_SECONDS, beside)
        self._longest_wait = (policy or RetryPolicy()).longest_wait
        self._service = HttpService(FACTS, self.address, token, limits, timeout_seconds, policy)
        self._pages = HaloPages(self._service)
        self.forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

    def forget(self) -> None:
        """Forget which invoices were seen, and whether HaloPSA filters by date, as a new client knows nothing of it."""
        self._seen = SeenInvoices()
        self._hides_by_date = False

    @property
    def requests(self) -> Counter[str]:
        """Requests sent so far by "METHOD route", ids as {id}, retries and tokens included."""
        return self._service.requests

    def wait_for_window(self, refused: NotWritten, then: str) -> None:
        """Wait until HaloPSA takes requests again after it refused one with 429: as long as it asks for, else a whole
        window, and never longer than that. `then` says what goes on afterwards."""
        seconds = min(refused.retry_after or WINDOW_SECONDS, self._longest_wait)
        tell_wait(f"HaloPSA takes no more requests for now (429): in {seconds:.0f} seconds {then}")
        sleep(seconds)

    def clients(self) -> list[Row]:
        """All clients, inactive ones too."""
        return self._list("Client", _WITH_INACTIVE)

    def client(self, client_id: int) -> Row | None:
        """One client whole, with what lists leave out; None if HaloPSA says 404."""
        return self._find("Client", client_id)

    def sites(self) -> list[Row]:
        """All sites with their addresses, inactive ones too."""
        return self._list("Site", {**_WITH_INACTIVE, "includeaddress": "true"})

    def items(self, search: str | None = None) -> HaloRows:
        """The active items, which are those that HaloPSA lists by itself; `search` cannot be checked."""
        return self._list("Item", None if search is None else {"search": search})

    def item(self, item_id: int) -> Row | None:
        """One item whole, active or not; None if HaloPSA says 404."""
        return self._find("Item", item_id)

    def product_groups(self) -> list[Row]:
        """All product groups; HaloPSA calls them AssetGroup."""
        return self._list("AssetGroup")

    def taxes(self) -> list[Row]:
        """All taxes."""
        return self._list("Tax")

    def currencies(self) -> list[Row]:
        """All currencies."""
        return self._list("Currency")

    def contracts(self) -> list[Row]:
        """All client contracts, inactive ones too."""
        return self._list("ClientContract", {"includeinactive": "true"})

    def recurring_invoices(self, include_lines: bool = True) -> HaloRows:
        """All recurring invoices (their ids are negative), with their lines unless told otherwise."""
        return self._list("RecurringInvoice", {"includelines": "true"} if include_lines else None)

    def invoices(self, since: date | None = None, client_id: int | None = None, search: str | None = None) -> HaloRows:
        """Invoices with their lines: dated `since` or later (or, in UTC, the day before), of one client, found by a
        search text.

        HaloPSA may ignore a filter, and may filter wrongly, both without a word. So date and client are checked here
        again; an invoice that does not say its date or its client stays in, for nothing shows that it is another. And
        a filtered list counts only where it showed the invoices that must be in it, as far as this client has seen
        them: by date, all are read without a filter where it did not; for a client, `gap` says so. `search` proves
        nothing: look into what comes.
        """
        if since is not None:
            listed = self._invoices_since(since)
        elif client_id is None and search is None:
            listed = self._all_invoices()
        else:
            query: dict[str, str | int] = {"includelines": "true"}
            if client_id is not None:
                query["client_id"] = client_id
            if search is not None:
                query["search"] = search
            listed = self._list("Invoice", query)
            listed.is_filtered = True
            if client_id is not None:
                listed.gap = listed.gap or self._why_not_whole(listed, client_id)
            self._seen.add(listed)
        wanted = (
            row
            for row in listed
            if (since is None or _may_be_since(row, since))
            and (client_id is None or row.get("client_id", client_id) == client_id)
        )
        return HaloRows(wanted, listed.gap, is_filtered=listed.is_filtered)

    def _invoices_since(self, since: date) -> HaloRows:
        """Those that HaloPSA filters by date where it is seen to do so, else all."""
        first = since
        if not self._hides_by_date and not self._seen.dated_after(since):
            self._seen.add(self._pages.newest("/Invoice", LIST_KEYS["Invoice"]))
            # Nothing that must be in the list: it begins before the newest invoice then.
            first = min(since, self._seen.before_the_newest() or since)
        must_be_there = partial(self._seen.dated_after, first)
        if not self._hides_by_date and must_be_there():
            # A day earlier, for other time zones begin their days earlier; and never a day without its time.
            moment = f"{(first - timedelta(days=1)).isoformat()}T00:00:00Z"
            query: Query = {"includelines": "true", "includeinvoices": "true", "invoicedatestart": moment}
            listed = self._list("Invoice", query)
            listed.is_filtered = True
            hidden = self._find_hidden(listed, must_be_there)
            if hidden is None and must_be_there() and listed.gap is None:
                self._seen.add(listed)
                return listed
            self._hides_by_date = hidden is not None
            logger.warning("HaloPSA: GET /Invoice from %s on hides invoice %s, reading all", moment, hidden)
        return self._all_invoices()

    def _all_invoices(self) -> HaloRows:
        listed = self._list("Invoice", {"includelines": "true"})
        if listed.gap is None:
            # What is not among them was deleted since.
            self._seen = SeenInvoices()
        self._seen.add(listed)
        return listed

    def _why_not_whole(self, listed: HaloRows, client_id: int) -> str | None:
        """Why the list of a client does not prove complete."""
        must_be_there = partial(self._seen.of_client, client_id)
        hidden = self._find_hidden(listed, must_be_there)
        if hidden is not None:
            return f"GET /Invoice of client {client_id} hides invoice {hidden}"
        if not must_be_there():
            return f"GET /Invoice of client {client_id} shows no invoice that must be in it"
        return None

    def _find_hidden(self, listed: Sequence[Row], must_be_there: Callable[[], Collection[int]]) -> int | None:
        """An invoice that HaloPSA has and that is not in the list where it must be; None where there is none.

        What was seen before may have been deleted or changed since: a few are asked for by themselves.
        """
        missing = sorted(set(must_be_there()) - {row["id"] for row in listed}, reverse=True)
        for row_id in missing[:_ASKED_ALONE]:
            if self.invoice(row_id) is None:
                self._seen.forget(row_id)
            if row_id in must_be_there():
                return row_id
        return missing[_ASKED_ALONE] if len(missing) > _ASKED_ALONE else None

    def invoice(self, invoice_id: int) -> Row | None:
        """One invoice whole, with its lines; None if HaloPSA says 404."""
        row = self._find("Invoice", invoice_id)
        self._seen.add([] if row is None else [row])
        return row

    def recurring_invoice(self, invoice_id: int) -> Row | None:
        """One recurring invoice whole, with its lines; None if HaloPSA says 404."""
        return self._find("RecurringInvoice", invoice_id)

    def create_invoice(self, document: Row) -> Row:
        """Create one invoice from a document without id; HaloPSA's answer. See the class for errors."""
        row = self._create("Invoice", document)
        self._seen.add([row])
        return row

    def update_invoice(self, document: Row) -> Row:
        """Change the invoice with the document's id; its `lines`, if given, replace all lines."""
        return self._update("Invoice", document)

    def update_recurring_invoice(self, document: Row) -> Row:
        """Change the recurring invoice with the document's id; its `lines`, if given, replace all lines."""
        return self._update("RecurringInvoice", document)

    def create_item(self, document: Row) -> Row:
        """Create one item from a document without id; HaloPSA's answer."""
        if "update_recurring_invoice_price" in document:
            raise NotWritten(
                None,
                "HaloPSA: the item was not sent: update_recurring_invoice_price rewrites recurring lines.",
            )
        return self._create("Item", document)

    def create_product_group(self, document: Row) -> Row:
        """Create one product group from a document without id; HaloPSA's answer."""
        return self._create("AssetGroup", document)

    def check(self) -> list[str]:
        """Try the credentials and each right to read with one small read; a line for each that works.

        Rights to write cannot be tried without writing: the scope that came with the token is told instead.
        Raises CredentialsRefused, ServiceUnreachable …, or one PermissionMissing with every right missing.
        """
        lines = check_rights([partial(self._readable, resource) for resource in LIST_KEYS])
        scope = self._service.granted_scope
        return [*lines, f"HaloPSA granted the scope: {scope or '(it does not say)'}"]

    def _readable(self, resource: str) -> str:
        query: Query = {"pageinate": "true", "page_no": 1, "page_size": 1}
        list_in(f"/{resource}", LIST_KEYS[resource], self._service.get(f"/{resource}", query).data)
        return f"HaloPSA {resource}: readable"

    def _list(self, resource: str, query: Query | None = None) -> HaloRows:
        return self._pages.read(f"/{resource}", LIST_KEYS[resource], query)

    def _find(self, resource: str, row_id: int) -> Row | None:
        answer = self._service.find(f"/{resource}/{int(row_id)}", _WHOLE)
        if answer is None:
            return None
        row = _one_object(answer.data)
        if row is None or row.get("id") != row_id:
            raise UnreadableAnswer(f"HaloPSA: asked for {resource} {row_id}, got something else.")
        return row

    def _create(self, resource: str, document: Row) -> Row:
        if document.get("id"):
            raise NotWritten(
                None,
                f"HaloPSA: the new {resource} was not sent: its id {document['id']} would change another.",
            )
        return self._write(resource, document)

    def _update(self, resource: str, document: Row) -> Row:
        if not document.get("id"):
            raise NotWritten(
                None, f"HaloPSA: the change of {resource} was not sent: without an id it would create one."
            )
        return self._write(resource, document)

    def _write(self, resource: str, document: Row) -> Row:
        # An array of one: HaloPSA takes arrays only, and answers an array of one with an object.
        row = _one_object(self._service.post(f"/{resource}", [document]))
        if row is None or not isinstance(row.get("id"), int):
            raise OutcomeUnknown(
                f"HaloPSA: the answer to POST /{resource} holds no {resource} with an id: it may have been "
                f"written. Look for its key before anything else."
            )
        return row


class HaloResource(dg.ConfigurableResource["HaloResource"]):
    """HaloPSA for Dagster: plain settings, nothing is opened or checked before `open`."""

    resource_server: str = ""
    authorisation_server: str = ""
    tenant: str = ""
    client_id: str = ""
    client_secret: str = Field(default="", repr=False)
    requests_per_5_minutes: int = 300
    timeout_seconds: int = 60
    beside: str = ""

    def open(self) -> HaloClient:
        """A client to use with `with`; raises SettingsError naming the variables that are not set."""
        return HaloClient(
            resource_server=self.resource_server,
            authorisation_server=self.authorisation_server,
            tenant=self.tenant,
            client_id=self.client_id,
            client_secret=self.client_secret,
            requests_per_5_minutes=self.requests_per_5_minutes,
            timeout_seconds=self.timeout_seconds,
            beside=Path(self.beside) if self.beside else None,
        )


def _one_object(data: Any) -> Row | None:
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    return data if isinstance(data, dict) else None


def _may_be_since(row: Row, since: date) -> bool:
    day = day_of(row)
    # In the tenant's time zone it may be the day after; a date that is not set shows nothing.
    return day is None or day >= since - timedelta(days=1)
