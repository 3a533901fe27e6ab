"""A small HaloPSA tenant, and a client that talks to it over HTTP."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import simplejson

from billing_pipeline.sandbox.server import Sandbox

ACME, BIRCH, CEDAR, DORMANT, EXEMPT = 246, 247, 248, 249, 250
SEATS, PLAIN = 900, 901
CITY_TAX, STATE_TAX, NO_TAX = 1, 2, 3
TEMPLATE = -7


def make_tenant() -> dict[str, Any]:
    """Five clients (Cedar is billed through Birch), two items, a draft, a posted invoice and one template."""
    return {
        "tenant": "example",
        "credentials": {"client_id": "halo-client", "client_secret": "halo-secret"},
        "permissions": ["all"],
        "clients": [
            _client(ACME, "Acme Dental", paymentterms=14, item_tax_code=STATE_TAX, main_site_id=31),
            _client(BIRCH, "Birch Legal", customfields=[{"id": 1, "name": "CFTier", "value": "Gold"}]),
            _client(CEDAR, "Cedar Clinic", client_to_invoice=BIRCH, client_to_invoice_recurring=BIRCH),
            _client(DORMANT, "Dormant Ltd", inactive=True),
            _client(EXEMPT, "Exempt School", taxable=False, default_currency_code=2),
        ],
        "sites": [
            {
                "id": 31,
                "name": "Main",
                "client_id": ACME,
                "client_name": "Acme Dental",
                "isinvoicesite": True,
                "delivery_address": {"line1": "1 Main St", "line3": "Denver", "postcode": "80111"},
            }
        ],
        "asset_groups": [{"id": 5, "name": "Cloud", "nominalcode": "4100"}],
        "items": [
            {
                "id": SEATS,
                "name": "Business Premium",
                "accountsid": "BP",
                "assetgroup_id": 5,
                "baseprice": Decimal("22.00"),
                "costprice": Decimal("17.60"),
                "taxcode": CITY_TAX,
                "nominalcode": "4192",
            },
            {"id": PLAIN, "name": "Cloud services", "assetgroup_id": 5},
        ],
        "taxes": [
            {"id": CITY_TAX, "name": "City", "code": "CITY", "value": Decimal("8.81")},
            {"id": STATE_TAX, "name": "State", "code": "STATE", "value": Decimal("2.9")},
            {"id": NO_TAX, "name": "No tax", "code": "NONE", "value": Decimal("0.0")},
        ],
        "currencies": [
            {"id": 1, "name": "US Dollar", "symbol": "$", "code": "USD"},
            {"id": 2, "name": "Canadian Dollar", "symbol": "CA$", "code": "CAD"},
        ],
        "contracts": [{"id": 70, "ref": "MS-246", "client_id": ACME, "contracttype": 3, "active": True}],
        "recurring_invoices": [
            {
                "id": TEMPLATE,
                "client_id": ACME,
                "currency_code": 1,
                "period": 2,
                "disabled": False,
                "startdate": "2026-01-31T00:00:00",
                "nextcreationdate": "2026-10-31T00:00:00",
                "lines": [
                    _line(801, 10, "22.00", comment_2="slot-1"),
                    _line(802, 4, "65.00", recurring_invoice_quantity_type=1),
                    _line(803, 1, "5.00", isinactive=True),
                    _line(804, 1, "99.00", onetimecharge=True),
                ],
            }
        ],
        "invoices": [
            {
                "id": 5001,
                "client_id": ACME,
                "client_name": "Acme Dental",
                "invoicenumber": "20001",
                "invoice_date": "2026-10-02T00:00:00",
                "currency_code": 1,
                "posted": False,
                "reference": "Ticket 77",
                "internal_note": "by hand",
                "lines": [_line(701, 3, "165.00"), _line(702, 1, "10.00", comment_1="keep me")],
            },
            {
                "id": 5002,
                "client_id": BIRCH,
                "client_name": "Birch Legal",
                "invoicenumber": "20002",
                "invoice_date": "2026-09-15T00:00:00",
                "currency_code": 1,
                "posted": True,
                "dateposted": "2026-09-16T10:00:00",
                "lines": [_line(703, 2, "50.00")],
            },
        ],
    }


def _client(client_id: int, name: str, **changes: Any) -> dict[str, Any]:
    return {"id": client_id, "name": name, "inactive": False, "default_currency_code": 1, **changes}


def _line(line_id: int, quantity: int, price: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": line_id,
        "_itemid": PLAIN,
        "item_shortdescription": "Cloud services",
        "qty_order": quantity,
        "unit_price": Decimal(price),
        "tax_code": str(NO_TAX),
        **changes,
    }


@dataclass(frozen=True)
class HaloTalk:
    """Talks to the tenant with a good token. Answers are parsed with exact decimals."""

    sandbox: Sandbox
    client: httpx.Client

    def get(self, resource: str, **query: Any) -> Any:
        """A good answer to GET /api/<resource>."""
        return parse(self.client.get(f"/api/{resource}", params=query).raise_for_status())

    def post(self, resource: str, *documents: Any) -> Any:
        """A good answer to the POST of `documents` in one array."""
        return parse(self.send(resource, list(documents)).raise_for_status())

    def send(self, resource: str, body: Any) -> httpx.Response:
        """Whatever answers the POST of `body`."""
        return self.client.post(
            f"/api/{resource}",
            content=simplejson.dumps(body, use_decimal=True),
            headers={"Content-Type": "application/json"},
        )

    def whole(self, resource: str, document_id: int) -> Any:
        """One document with its lines."""
        return self.get(f"{resource}/{document_id}", includedetails="true")

    def ids(self, resource: str, key: str, **query: Any) -> list[int]:
        """The ids of a list, in its order."""
        return [row["id"] for row in self.get(resource, **query)[key]]

    def switch(self, **switches: Any) -> None:
        """Make the tenant behave otherwise."""
        self._order("PUT", "switches", switches)

    def edit(self, action: str, **order: Any) -> Any:
        """Let an agent do something."""
        return self._order("POST", "edits", {"action": action, **order})

    def schedule(self, edit: dict[str, Any], **order: Any) -> None:
        """Let an agent do something after the next reads."""
        self._order("POST", "scheduled_edits", {"edit": edit, **order})

    def _order(self, method: str, name: str, body: Any) -> Any:
        answer = self.client.request(method, f"/_sandbox/{name}", content=simplejson.dumps(body, use_decimal=True))
        assert answer.status_code < 300, answer.text
        return parse(answer)


def parse(answer: httpx.Response) -> Any:
    """The JSON of an answer, decimals exact."""
    return json.loads(answer.text, parse_float=Decimal)


def token_form(**changes: str) -> dict[str, str]:
    """The form of a good token request."""
    return {
        "grant_type": "client_credentials",
        "client_id": "halo-client",
        "client_secret": "halo-secret",
        "scope": "all",
        **changes,
    }
