"""Small months to be tortured: a few clients of every behaviour, what HaloPSA has already, and the settings."""

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import yaml

from billing_pipeline.sandbox.world import World
from billing_pipeline_tests.behaviours.world import (
    ITEM,
    OCTOBER,
    Client,
    Json,
    bill,
    invoice,
    labour,
    licence,
    make_world,
    numbered,
    template,
)

MONTH = OCTOBER
FIRST_RUN = "2026-10-06T15:00:00Z"
BYSTANDER = Client("bystander", 290, "none")
PRODUCTS = ("mail", "backup", "voice", "guard", "vault", "desk")
# The months that the guaranteed schedules need: by name, what each client is like.
KINDS: dict[str, tuple[str, ...]] = {
    "new": ("new", "orders", "new", "new", "new"),
    "items": ("create", "create", "create", "new", "new"),
    "latest": ("latest", "latest", "latest", "latest", "latest", "new"),
    "recurring": ("recurring", "recurring", "recurring", "recurring", "once"),
    "mixed": ("new", "latest", "recurring", "create", "latest", "recurring"),
    "shared": ("payer-latest", "payer-latest", "latest", "payer-latest", "recurring"),
}

# What a client of each manner brings into a month.
_KINDS_OF = {
    "new": ("new",),
    "orders": ("new",),
    "create": ("new", "items"),
    "latest": ("latest",),
    "payer-latest": ("shared",),
    "recurring": ("recurring",),
    "once": ("new", "recurring"),
}


@dataclass(frozen=True)
class Month:
    """One month: `lines` are its Pax8 lines by client, `documents` the HaloPSA document that a client adds to."""

    name: str
    clients: tuple[Client, ...]
    manners: dict[str, str]
    lines: tuple[Json, ...]
    world: World
    documents: dict[str, int] = field(default_factory=dict)

    @property
    def kinds(self) -> set[str]:
        """The kinds of months whose troubles it can meet."""
        return {self.name, *(kind for manner in self.manners.values() for kind in _KINDS_OF[manner])}

    def settings(self, **changes: Any) -> Json:
        """All of billing.yaml; `changes` are behaviours by client key that are laid over."""
        clients = {
            key: {"settings": {**_settings_of(manner), **changes.get(key, {})}} for key, manner in self.manners.items()
        }
        return {
            "start_month": "2026-09",
            "settings": {"product_lifecycle": {"mode": "default_item"}, "codes": {"item": ITEM}},
            "clients": clients,
        }

    def write_settings(self, folder: Path, **changes: Any) -> None:
        """Write the settings folder."""
        folder.mkdir(exist_ok=True)
        (folder / "billing.yaml").write_text(yaml.safe_dump(self.settings(**changes)))
        head = "client,name,halopsa_client_id,pax8_company_id,excluded,recurring_invoice_id,contract_id"
        rows = [
            f"{one.key},{one.key},{one.halopsa_id},{one.company},false,{one.template or ''}," for one in self.clients
        ]
        (folder / "clients.csv").write_text("\n".join([head, *rows]) + "\n")


def make_month(name: str) -> Month:
    """The month of a kind, or a random one: "random-7" is the same for ever."""
    rng = Random(name)
    if name in KINDS:
        return _build(name, KINDS[name], rng)
    count = rng.randint(2, 5)
    manners = [rng.choice(["new", "orders", "create", "latest", "recurring", "once"]) for _ in range(count)]
    if rng.random() < 0.3:
        manners += ["payer-latest", "payer-latest"]
    return _build(name, tuple(manners), rng)


def _settings_of(manner: str) -> Json:
    target = {"orders": "new", "create": "new", "once": "recurring", "payer-latest": "latest"}.get(manner, manner)
    behaviour = {"target": target, **({"group_by": "purchase_order"} if manner == "orders" else {})}
    return {"behaviour": behaviour, **({"product_lifecycle": {"mode": "create"}} if manner == "create" else {})}


def _build(name: str, manners: tuple[str, ...], rng: Random) -> Month:
    clients, lines, drafts, templates = [], [], [], []
    documents: dict[str, int] = {}
    fields: dict[str, Json] = {}
    payer = numbered(80)
    for number, manner in enumerate(manners, start=1):
        target = _settings_of(manner)["behaviour"]["target"]
        client = numbered(number, -700 - number if target == "recurring" else None)
        clients.append(client)
        lines += _lines_of(client, manner, rng)
        # One that is too old, and one that accounting has: nobody adds to these.
        drafts.append(invoice(300 + number, client, "2026-08-02"))
        drafts.append(invoice(400 + number, client, "2026-10-05", posted=True, dateposted="2026-10-05T00:00:00"))
        if target == "recurring":
            templates.append(template(-700 - number, client, lines=[labour(7100 + number), labour(7200 + number)]))
            documents[client.key] = -700 - number
        elif manner == "latest":
            drafts.append(invoice(500 + number, client, lines=[labour(5100 + number), labour(5200 + number)]))
            documents[client.key] = 500 + number
        elif manner == "payer-latest":
            fields[client.key] = {"client_to_invoice": payer.halopsa_id}
            documents[client.key] = 580
    if fields:
        drafts.append(invoice(580, payer, lines=[labour(5180), labour(5280)]))
    drafts.append(invoice(590, BYSTANDER))
    templates.append(template(-790, BYSTANDER, lines=[labour(7190)]))
    world = make_world(
        [*clients, payer, BYSTANDER],
        [bill(MONTH, *lines)],
        invoices=drafts,
        templates=templates,
        client_fields=fields,
        taxes=[
            {"id": 3, "name": "No tax", "code": "NONE", "value": Decimal("0.0")},
            {"id": 4, "name": "Sales", "value": 8},
        ],
    )
    manner_by_key = {client.key: manner for client, manner in zip(clients, manners, strict=True)}
    return Month(name, tuple(clients), manner_by_key, tuple(world.pax8["invoices"][0]["items"]), world, documents)


def _lines_of(client: Client, manner: str, rng: Random) -> list[Json]:
    """One to three licences; a charge that does not repeat where the recurring invoice is not for it."""
    names = rng.sample(PRODUCTS, rng.randint(2 if manner == "orders" else 1, 3))
    lines = [licence(name, client, _amount(rng), _amount(rng)) for name in names]
    for place, line in enumerate(lines):
        line["subscriptionId"] = f"s-{client.key}-{line['productId']}"
        if manner == "orders":
            line["purchaseOrderNumber"] = f"PO-{place % 2 + 1}"
        if manner == "create":
            line["vendorSku"] = line["sku"]
    if manner == "once":
        lines.append(licence("setup", client, _amount(rng), _amount(rng), type="one-time", term="One-Time"))
    return lines


def _amount(rng: Random) -> str:
    return f"{rng.randint(1, 900)}.{rng.randint(0, 99):02d}"
