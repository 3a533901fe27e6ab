"""Why a recurring invoice cannot take a client's charges, each with its text and its money; two months in a cycle."""

from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import (
    ACME,
    DECEMBER,
    NOVEMBER,
    OCTOBER,
    Client,
    Json,
    bill,
    labour,
    licence,
    make_world,
    numbered,
    template,
)

RECURRING = {"target": "recurring"}
STRANGER = Client("stranger", 299, "none")

# HaloPSA's fields of the recurring invoice, and what the hold says; None for a client without one in HaloPSA.
FAULTS: dict[str, tuple[Json | None, str]] = {
    "not mapped": ({}, "clients.csv names no recurring_invoice_id"),
    "not there": (None, "HaloPSA has no recurring invoice -102"),
    "disabled": ({"disabled": True}, "recurring invoice -103 is disabled"),
    "ended": ({"enddate": "2026-10-05T00:00:00"}, "recurring invoice -104 ended on 2026-10-05"),
    "ends before its next issue": (
        {"enddate": "2026-10-31T00:00:00"},
        "recurring invoice -105 ends on 2026-10-31, before its next issue on 2026-11-01",
    ),
    "another client's": ({"client_id": 299}, "recurring invoice -106 is of HaloPSA client 299, not of 206"),
    "in another currency": ({"currency_code": 2}, "recurring invoice -107 is in another currency"),
    "quarterly": ({"period": 4}, "recurring invoice -108 is issued more seldom than Line8 is charged"),
    "six-monthly": ({"period": 5}, "recurring invoice -109 is issued more seldom than Line9 is charged"),
    "yearly": ({"period": 3}, "recurring invoice -110 is issued more seldom than Line10 is charged"),
    "of a strange period": ({"period": 9}, "recurring invoice -111 has period 9, which is not known"),
}
SOUND: dict[str, Json] = {
    "ends after its next issue": {"enddate": "2026-11-01T00:00:00"},
    "never ends": {"enddate": "1899-12-30T00:00:00"},
}


def test_each_fault_holds_its_client_and_no_other(provider: Provider) -> None:
    clients, templates = [], []
    for number, (name, fields) in enumerate([*((n, f) for n, (f, _) in FAULTS.items()), *SOUND.items()], start=1):
        clients.append(numbered(number, None if name == "not mapped" else -100 - number))
        if fields is not None:
            templates.append(template(-100 - number, clients[-1], **fields))
    lines = [licence(f"line{number}", client, "10.00") for number, client in enumerate(clients, start=1)]
    provider.set_up(make_world([*clients, STRANGER], [bill(OCTOBER, *lines)], templates=templates), clients, RECURRING)

    provider.close()

    held = clients[: len(FAULTS)]
    assert provider.holds() == sorted((client.key, "no_recurring_invoice") for client in held)
    details = {row["client"]: row["detail"] for row in provider.rows("select client, detail from holds")}
    for client, (name, (_, said)) in zip(held, FAULTS.items(), strict=True):
        assert details[client.key] == f"{said} (10.00 USD held)", name
    assert provider.writes("/api/RecurringInvoice") == len(SOUND)
    assert provider.prove().whole


def test_a_redirected_client_needs_the_recurring_invoice_of_who_pays(provider: Provider) -> None:
    parent = numbered(9)
    clients = [numbered(1, -7), numbered(2, -8)]
    redirect = {"client_to_invoice_recurring": parent.halopsa_id}
    world = make_world(
        [*clients, parent],
        [bill(OCTOBER, licence("mail", clients[0], "10.00"), licence("mail", clients[1], "20.00"))],
        templates=[template(-7, parent), template(-8, clients[1])],
        client_fields={"client-1": redirect, "client-2": redirect},
    )
    provider.set_up(world, clients, RECURRING)

    provider.close()

    assert provider.ours(-7) == [("Mail", "10.00", True)]
    assert provider.holds() == [("client-2", "no_recurring_invoice")]
    assert "recurring invoice -8 is of HaloPSA client 202, not of 209" in provider.why()


def test_lines_of_ours_that_cannot_be_written_hold_their_client(provider: Provider) -> None:
    """An agent gave one an end date and copied another; HaloPSA's sync took the third, with another item."""
    clients = [numbered(number, -number) for number in (1, 2, 3)]
    bills = [bill(month, *(licence("mail", one, "10.00") for one in clients)) for month in (OCTOBER, NOVEMBER)]
    templates = [template(-number, client) for number, client in enumerate(clients, start=1)]
    provider.set_up(make_world(clients, bills, templates=templates), clients, RECURRING)
    provider.close(OCTOBER)
    provider.issue("2026-11-01T07:00:00Z")
    (ended,), (copied,), (synced,) = (provider.places(-number).items() for number in (1, 2, 3))
    provider.agent("edit_line", -1, line_id=ended[1], fields={"enddate": "2026-11-15T00:00:00"})
    provider.agent("add_line", -2, line={"item_shortdescription": "copied", "comment_2": copied[0], "_itemid": 900})
    provider.agent("edit_line", -3, line_id=synced[1], fields={"recurring_invoice_quantity_type": 2, "_itemid": 901})
    before = [provider.document(-number) for number in (1, 2, 3)]

    provider.close(NOVEMBER)

    reasons = ["no_recurring_invoice", "no_recurring_invoice", "double_billing"]
    assert provider.holds(NOVEMBER) == [(client.key, reason) for client, reason in zip(clients, reasons, strict=True)]
    said = provider.why(NOVEMBER)
    assert f"line {ended[1]} of recurring invoice -1 (Mail) ends on 2026-11-15: take its end date out there" in said
    assert f"recurring invoice -2 has 2 lines with the key {copied[0]} (Mail): delete all but one there" in said
    assert f"HaloPSA's own sync drives line {synced[1]} of recurring invoice -3 (Mail), which is ours" in said
    assert [provider.document(-number) for number in (1, 2, 3)] == before


# two months inside one cycle of the template


def test_a_second_month_waits_until_the_first_was_issued(provider: Provider) -> None:
    """The templates are due in the middle of November, after November was closed. Acme has charges then, Birch none;
    an agent takes Cedar's lines off, and moves the day of Date's issue; Elm's template was never issued before."""
    acme, birch, cedar, date, elm = clients = [numbered(number, -number) for number in range(1, 6)]
    october = [licence(name, one, "10.00") for one in clients for name in ("mail", "backup")]
    november = [licence("mail", one, "20.00") for one in (acme, cedar, date, elm)]
    due = {"nextcreationdate": "2026-11-15T00:00:00"}
    templates = [template(-number, client, **due) for number, client in enumerate(clients, start=1)]
    templates[4]["lastcreated"] = "1899-12-30T00:00:00"
    world = make_world(clients, [bill(OCTOBER, *october), bill(NOVEMBER, *november)], templates=templates)
    provider.set_up(world, clients, RECURRING)
    provider.close(OCTOBER)
    for place in provider.places(cedar.template or 0).values():
        provider.agent("delete_line", cedar.template, line_id=place)
    provider.agent("edit", date.template, fields={"nextcreationdate": "2026-11-14T00:00:00"})
    before = {one.key: provider.document(one.template or 0) for one in (acme, birch, date, elm)}

    provider.close(NOVEMBER)

    assert provider.holds(NOVEMBER) == [(one.key, "not_issued") for one in (acme, birch, date, elm)]
    details = {row["client"]: row["detail"] for row in provider.rows("select client, detail from holds")}
    said = "still holds the lines of 2026-10, which HaloPSA has not issued since"
    assert details[acme.key] == f"recurring invoice -1 {said} (20.00 USD held)"
    assert details[birch.key] == f"recurring invoice -2 {said}"
    assert {one.key: provider.document(one.template or 0) for one in (acme, birch, date, elm)} == before
    assert provider.ours(-3) == [("Mail", "20.00", True)]
    assert provider.prove(NOVEMBER).whole

    issued = provider.issue("2026-11-15T07:00:00Z")
    assert [len(provider.ours(number)) for number in issued] == [2, 2, 1, 2, 2]
    provider.now = "2026-11-16T15:00:00Z"
    provider.close(NOVEMBER)

    assert provider.holds(NOVEMBER) == []
    for one in (acme, date, elm):
        assert sorted(provider.ours(one.template or 0)) == [("Backup", "10.00", False), ("Mail", "20.00", True)]
    assert sorted(provider.ours(-2)) == [("Backup", "10.00", False), ("Mail", "10.00", False)]
    assert provider.prove(NOVEMBER).whole


def set_up_two_months(provider: Provider) -> None:
    bills = [bill(OCTOBER, licence("mail", ACME, "10.00")), bill(NOVEMBER, licence("mail", ACME, "20.00"))]
    provider.set_up(make_world([ACME], bills, templates=[template(-7)]), [ACME], RECURRING)


def test_an_earlier_month_never_takes_the_place_of_a_later_one_before_its_issue(provider: Provider) -> None:
    """October's charges come after November's were written: they wait for November's issue."""
    set_up_two_months(provider)
    provider.close(NOVEMBER)
    provider.now = "2026-11-07T15:00:00Z"
    provider.close(OCTOBER)
    assert provider.holds(OCTOBER) == [("client-1", "not_issued")]
    provider.issue("2026-11-08T07:00:00Z")

    provider.now = "2026-11-09T15:00:00Z"
    provider.close(OCTOBER)

    assert provider.ours(-7) == [("Mail", "10.00", True)]
    assert provider.prove(OCTOBER).whole


def test_lines_that_were_issued_twice_are_told(provider: Provider) -> None:
    """November is closed only in December: by then October's lines were billed on two first days of a month."""
    set_up_two_months(provider)
    provider.close(OCTOBER)
    provider.issue("2026-11-01T07:00:00Z")
    provider.issue("2026-12-01T07:00:00Z")

    provider.now = "2026-12-03T15:00:00Z"
    provider.close(NOVEMBER)
    provider.close(NOVEMBER)

    assert provider.findings("issued_twice") == [
        "recurring invoice -7 was issued 2 times since the lines of 2026-10 were written: look for what it billed "
        "twice, and credit it"
    ]


def test_an_issue_between_plan_and_write_is_noticed(provider: Provider) -> None:
    """Else October's lines would be taken for issued, and November would write over them."""
    set_up_two_months(provider)
    provider.prepare(OCTOBER)
    provider.issue("2026-11-01T07:00:00Z")

    provider.post(OCTOBER)
    assert provider.holds(OCTOBER) == [("client-1", "target_changed")]
    assert provider.ours(-7) == []

    provider.now = "2026-11-02T15:00:00Z"
    provider.close(OCTOBER)
    provider.now = ""
    provider.close(NOVEMBER)
    assert provider.holds(NOVEMBER) == [("client-1", "not_issued")]


# a template of a year


def test_annual_charges_stay_on_a_yearly_template_for_their_year(provider: Provider) -> None:
    yearly = template(-7, period=3, nextcreationdate="2026-11-01T00:00:00", lines=[labour(71)])
    bills = [
        bill(OCTOBER, licence("server", ACME, "1200.00", term="Annual")),
        bill(NOVEMBER, licence("backup", ACME, "600.00", term="Annual")),
        bill(DECEMBER),
    ]
    provider.set_up(make_world([ACME], bills, templates=[yearly]), [ACME], RECURRING)
    provider.close(OCTOBER)
    provider.issue("2026-11-01T07:00:00Z")

    provider.close(NOVEMBER)
    assert sorted(provider.ours(-7)) == [("Backup", "600.00", True), ("Server", "1200.00", True)]

    provider.close(DECEMBER)
    assert provider.holds(DECEMBER) == [], "nothing to write, nothing to wait for"
    assert sorted(provider.ours(-7)) == [("Backup", "600.00", True), ("Server", "1200.00", True)]
