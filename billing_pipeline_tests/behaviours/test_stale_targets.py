"""An agent works on the document that we are about to change: it is held, and what the agent did stays."""

import pytest

from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import (
    ACME,
    BIRCH,
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

STRANGER = Client("stranger", 299, "none")
# What an agent does to a document with one line.
EDITS: dict[str, Json] = {
    "edits a line": {"action": "edit_line", "fields": {"unit_price": 51}},
    "rewrites a text": {"action": "edit_line", "fields": {"item_longdescription": "Three hours"}},
    "adds a line": {"action": "add_line", "line": {"_itemid": 901, "qty_order": 1, "unit_price": 5}},
    "deletes a line": {"action": "delete_line"},
    "gives it to another client": {"action": "edit", "fields": {"client_id": STRANGER.halopsa_id}},
    "deletes it": {"action": "delete"},
}
OF_INVOICES: dict[str, Json] = {
    "posts it": {"action": "post"},
    "voids it": {"action": "void"},
    "sends it": {"action": "send"},
    "asks for approval": {"action": "request_approval"},
    "takes a payment": {"action": "pay", "amount": "1.00"},
    "lets it sync": {"action": "sync"},
    "dates it elsewhere": {"action": "edit", "fields": {"invoice_date": "2026-11-02T00:00:00"}},
}
OF_TEMPLATES: dict[str, Json] = {
    "disables it": {"action": "edit", "fields": {"disabled": True}},
    "ends it": {"action": "edit", "fields": {"enddate": "2026-10-01T00:00:00"}},
    "changes its period": {"action": "edit", "fields": {"period": 3}},
}
# Deeds that HaloPSA answers with a refusal where they come between our read and our write.
REFUSED: dict[str, Json] = {"deletes it": {"action": "delete"}, "deletes a line": {"action": "delete_line"}}
REFUSED_OF_INVOICES: dict[str, Json] = {"posts it": {"action": "post"}, "voids it": {"action": "void"}}

INVOICES, TEMPLATES = 500, -500


class Busy:
    """Many clients, each with a document of its own that an agent does something to, and one with a quiet one."""

    def __init__(self, provider: Provider, base: int, edits: dict[str, Json]) -> None:
        self.provider, self.base = provider, base
        step = 1 if base > 0 else -1
        self.edits = edits
        self.documents = {name: base + step * number for number, name in enumerate(edits, start=1)}
        self.quiet = base
        clients = [numbered(number, base + step * number) for number in range(len(edits) + 1)]
        drafts = [invoice(500 + number, client, lines=[labour(7100 + number)]) for number, client in enumerate(clients)]
        templates = [
            template(-500 - number, client, lines=[labour(8100 + number)]) for number, client in enumerate(clients)
        ]
        lines = [licence("mail", client, "10.00") for client in clients]
        world = make_world(
            [*clients, STRANGER],
            [bill(OCTOBER, *lines)],
            **({"invoices": drafts} if base > 0 else {"templates": templates}),
        )
        provider.set_up(world, clients, {"target": "latest" if base > 0 else "recurring"})
        provider.prepare()

    def order(self, name: str) -> Json:
        number = abs(self.documents[name] - self.base)
        line_id = (7100 if self.base > 0 else 8100) + number
        edit = self.edits[name]
        return {**edit, **({"line_id": line_id} if edit["action"] in ("edit_line", "delete_line") else {})}

    def client_of(self, name: str) -> str:
        return f"client-{abs(self.documents[name] - self.base)}"

    def state(self) -> dict[int, Json]:
        everything = self.provider.sandbox.halopsa.dump()
        return {row["id"]: row for table in ("invoices", "recurring_invoices") for row in everything[table]}


@pytest.mark.parametrize(
    ("base", "edits"), [(INVOICES, EDITS | OF_INVOICES), (TEMPLATES, EDITS | OF_TEMPLATES)], ids=["latest", "recurring"]
)
def test_what_an_agent_does_between_plan_and_write_is_held(
    provider: Provider, base: int, edits: dict[str, Json]
) -> None:
    busy = Busy(provider, base, edits)
    for name, document_id in busy.documents.items():
        order = busy.order(name)
        provider.agent(order.pop("action"), document_id, **order)
    before = busy.state()

    result = provider.post()

    assert (len(result.posted), len(result.refused), result.stopped) == (1, len(edits), None)
    assert provider.holds() == sorted((busy.client_of(name), "target_changed") for name in edits)
    details = {row["client"]: row["detail"] for row in provider.rows("select client, detail from holds")}
    after = busy.state()
    assert after.keys() == before.keys()
    for name, document_id in busy.documents.items():
        client = busy.client_of(name)
        said = details[client]
        assert ("is gone since" if name == "deletes it" else "was changed since") in said, name
        assert "over 10.00 USD was not sent. " in said, name
        assert f"Run billing-pipeline close 2026-10 --client {client} --post: it plans on what" in said, name
        assert after.get(document_id) == before.get(document_id), name
    assert provider.ours(busy.quiet) == [("Mail", "10.00", True)]
    assert provider.prove().whole


@pytest.mark.parametrize(
    ("base", "edits"), [(INVOICES, REFUSED | REFUSED_OF_INVOICES), (TEMPLATES, REFUSED)], ids=["latest", "recurring"]
)
def test_what_an_agent_does_between_our_read_and_our_write_is_held_where_halopsa_refuses(
    provider: Provider, base: int, edits: dict[str, Json]
) -> None:
    busy = Busy(provider, base, edits)
    route = "/api/Invoice/{id}" if base > 0 else "/api/RecurringInvoice/{id}"
    for name, document_id in busy.documents.items():
        order = busy.order(name)
        provider.agent_after(route, order.pop("action"), document_id, contains=f"/{document_id}?", **order)

    provider.post()

    assert provider.holds() == sorted((busy.client_of(name), "target_changed") for name in edits)
    assert provider.findings("refused") == []
    assert provider.rows("select distinct status from postings where client <> 'client-0'") == [
        {"status": "not_written"}
    ]
    state = busy.state()
    for name, document_id in busy.documents.items():
        assert not any(line.get("comment_2") for line in state.get(document_id, {"lines": []})["lines"]), name
    assert provider.ours(busy.quiet) == [("Mail", "10.00", True)]
    assert provider.prove().whole


def set_up_target(provider: Provider) -> None:
    """Acme's charge is for invoice 55, Birch's for 66."""
    lines = [licence("mail", ACME, "10.00"), licence("mail", BIRCH, "20.00")]
    drafts = [invoice(55, lines=[labour(71)]), invoice(66, BIRCH)]
    provider.set_up(
        make_world([ACME, BIRCH], [bill(OCTOBER, *lines)], invoices=drafts), [ACME, BIRCH], {"target": "latest"}
    )


def test_a_tenant_that_checks_the_change_number_refuses_what_an_agent_overtook(provider: Provider) -> None:
    set_up_target(provider)
    provider.switch(check_change_seq=True)
    provider.prepare()
    provider.agent_after("/api/Invoice/{id}", "edit_line", 55, line_id=71, fields={"unit_price": 51})

    provider.post()

    assert provider.holds() == [("client-1", "target_changed")]
    (line,) = provider.document(55)["lines"]
    assert line["unit_price"] == 51

    provider.close()
    assert provider.holds() == []
    assert provider.ours(55) == [("Mail", "10.00", True)]
    assert provider.prove().whole


@pytest.mark.parametrize(("kind", "document_id"), [("latest", 55), ("recurring", -7)])
def test_what_an_agent_saved_between_our_read_and_our_write_is_told_where_halopsa_does_not_refuse(
    provider: Provider, kind: str, document_id: int
) -> None:
    world = make_world(
        [ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))], invoices=[invoice(55)], templates=[template(-7)]
    )
    provider.set_up(world, [ACME], {"target": kind})
    provider.prepare()
    line = {"_itemid": 901, "qty_order": 1, "unit_price": 5}
    route = "/api/Invoice/{id}" if document_id > 0 else "/api/RecurringInvoice/{id}"
    provider.agent_after(route, "add_line", document_id, line=line)

    provider.post()

    (said,) = provider.findings("overtaken")
    assert f"invoice {document_id} went from 1 to 3 with our change: somebody else saved it in between" in said
    assert "lines that they changed may have been set back. Look at its history in HaloPSA" in said
    assert provider.ours(document_id) == [("Mail", "10.00", True)]
    assert provider.prove().whole


@pytest.mark.parametrize(
    ("action", "why"), [("send", "sent"), ("request_approval", "in approval"), ("pay", "paid in part or whole")]
)
def test_an_invoice_that_is_closed_between_our_read_and_our_write_is_told(
    provider: Provider, action: str, why: str
) -> None:
    """HaloPSA takes the change all the same: what the client was sent may lack our lines."""
    set_up_target(provider)
    provider.prepare()
    provider.agent_after("/api/Invoice/{id}", action, 55)

    provider.post()

    (said,) = provider.findings("closed_meanwhile")
    assert f"invoice 55 was closed ({why}) while it was changed: look whether what left HaloPSA has our lines" in said
    assert not provider.prove().whole


@pytest.mark.parametrize("look", ["close", "verify"])
def test_an_invoice_that_was_closed_meanwhile_is_told_until_a_later_look_finds_our_lines(
    provider: Provider, look: str
) -> None:
    set_up_target(provider)
    provider.prepare()
    provider.agent_after("/api/Invoice/{id}", "send", 55)
    provider.post()
    (ours,) = provider.places(55).values()
    provider.agent("edit_line", 55, line_id=ours, fields={"unit_price": 11})
    getattr(provider, look)()
    assert not provider.prove().whole
    provider.agent("edit_line", 55, line_id=ours, fields={"unit_price": 10})

    getattr(provider, look)()

    assert provider.findings("closed_meanwhile") == []
    assert provider.prove().whole


def test_a_refusal_that_nobody_caused_is_told_as_one(provider: Provider) -> None:
    set_up_target(provider)
    provider.disturb("status", status=400, body={"Message": "No."}, contains='"id":55')

    result = provider.close()

    assert len(result.refused) == 1
    assert provider.holds() == []
    assert len(provider.findings("refused")) == 1
    provider.close()
    assert provider.findings("refused") == []
    assert provider.ours(55) == [("Mail", "10.00", True)]


def test_after_a_stale_target_the_next_close_plans_on_what_is_there(provider: Provider) -> None:
    set_up_target(provider)
    provider.prepare()
    provider.agent("post", 55)
    provider.post()

    provider.close()

    assert provider.holds() == []
    assert provider.ours(max(provider.invoice_ids())) == [("Mail", "10.00", True)]
    assert provider.ours(55) == []
    assert provider.prove().whole


def test_a_target_that_cannot_be_read_stops_before_anything_is_sent(provider: Provider) -> None:
    set_up_target(provider)
    provider.disturb("status", route="/api/Invoice/{id}", method="GET", status=500, count=2)

    result = provider.close()

    assert result.stopped is not None
    assert "invoice 55 could not be read before its change" in result.stopped
    assert provider.writes() == 0
    provider.close()
    assert (provider.ours(55), provider.ours(66)) == ([("Mail", "10.00", True)], [("Mail", "20.00", True)])
    assert provider.prove().whole
