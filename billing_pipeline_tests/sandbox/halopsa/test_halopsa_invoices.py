"""Creating, changing, posting, voiding and deleting HaloPSA invoices."""

from decimal import Decimal
from typing import Any

import pytest

from billing_pipeline_tests.sandbox.halopsa.tenant import (
    ACME,
    BIRCH,
    CEDAR,
    CITY_TAX,
    DORMANT,
    EXEMPT,
    NO_TAX,
    PLAIN,
    SEATS,
    STATE_TAX,
    HaloTalk,
)

SEAT_LINE = {"_itemid": SEATS, "qty_order": 10, "unit_price": Decimal("22.00"), "unit_cost": Decimal("17.60")}


def create(halo: HaloTalk, client_id: int = ACME, *lines: dict[str, Any], **header: Any) -> Any:
    return halo.post("Invoice", {"client_id": client_id, "lines": list(lines), **header})


def test_a_new_invoice_is_answered_by_one_object_with_what_halopsa_filled_in(halo: HaloTalk) -> None:
    answer = halo.send("Invoice", [{"client_id": ACME, "reference": "key-1", "lines": [SEAT_LINE]}])
    assert answer.status_code == 201
    invoice = answer.json()
    wanted = {
        "id": 5003,
        "client_id": ACME,
        "client_name": "Acme Dental",
        "sitenumber": 31,
        "site_name": "Main",
        "invoicenumber": "20003",
        "invoice_date": "2026-10-20T00:00:00",
        "duedate": "2026-11-03T00:00:00",
        "currency_code": 1,
        "currency_code_name": "US Dollar",
        "reference": "key-1",
        "posted": False,
        "voided": False,
    }
    assert {key: invoice[key] for key in wanted} == wanted
    line = invoice["lines"][0]
    assert (line["id"], line["ihid"]) == (805, 5003)
    assert (line["item_code"], line["item_shortdescription"]) == ("BP", "Business Premium")
    assert line["nominal_code"] == "4192"
    assert halo.whole("Invoice", 5003)["lines"] == halo.post("Invoice", {"id": 5003})["lines"]


def test_each_element_of_an_array_is_an_invoice(halo: HaloTalk) -> None:
    answers = halo.post("Invoice", {"client_id": ACME}, {"client_id": BIRCH})
    assert [answer["id"] for answer in answers] == [5003, 5004]
    assert halo.get("Invoice")["record_count"] == 4


def test_nothing_stops_a_second_equal_invoice(halo: HaloTalk) -> None:
    first, second = create(halo, ACME, SEAT_LINE, reference="k"), create(halo, ACME, SEAT_LINE, reference="k")
    assert first["id"] != second["id"]


def test_net_amounts_tax_and_totals_are_halopsas(halo: HaloTalk) -> None:
    invoice = create(
        halo,
        ACME,
        {**SEAT_LINE, "net_amount": 1},
        {"_itemid": PLAIN, "qty_order": 1, "unit_price": Decimal("0.125"), "tax_code": str(NO_TAX)},
        {"_itemid": PLAIN, "qty_order": 1, "unit_price": Decimal("-25.00")},
        revenue=7,
        total=7,
    )
    lines = invoice["lines"]
    assert [line["net_amount"] for line in lines] == [Decimal("220.00"), Decimal("0.13"), Decimal("-25.00")]
    assert [line["tax_amount"] for line in lines] == [Decimal("19.38"), Decimal("0.00"), Decimal("-0.73")]
    assert invoice["revenue"] == Decimal("195.13")
    assert invoice["tax_total"] == Decimal("18.65")
    assert (invoice["total"], invoice["amountdue"]) == (Decimal("213.78"), Decimal("213.78"))


def test_the_tax_of_a_line_is_its_own_else_its_items_else_its_clients(halo: HaloTalk) -> None:
    own, items, clients, zero = create(
        halo,
        ACME,
        {"_itemid": SEATS, "tax_code": str(NO_TAX)},
        {"_itemid": SEATS},
        {"_itemid": PLAIN},
        {"_itemid": PLAIN, "tax_code": "0"},
    )["lines"]
    taxes = [str(tax) for tax in (NO_TAX, CITY_TAX, STATE_TAX, STATE_TAX)]
    assert [line["tax_code"] for line in (own, items, clients, zero)] == taxes
    nothing = create(halo, BIRCH, {"_itemid": PLAIN})["lines"][0]
    assert "tax_code" not in nothing
    assert nothing["tax_rate"] == 0


def test_a_client_that_is_not_taxable_pays_none(halo: HaloTalk) -> None:
    assert create(halo, EXEMPT, SEAT_LINE)["tax_total"] == 0


def test_a_tenant_may_recompute_tax(halo: HaloTalk) -> None:
    halo.switch(recompute_tax=STATE_TAX)
    line = create(halo, ACME, {**SEAT_LINE, "tax_code": str(NO_TAX)})["lines"][0]
    assert (line["tax_code"], line["tax_amount"]) == (str(STATE_TAX), Decimal("6.38"))


def test_unit_price_or_baseprice_or_the_items_price(halo: HaloTalk) -> None:
    lines = create(
        halo,
        ACME,
        {"_itemid": SEATS, "qty_order": 1, "unit_price": 7},
        {"_itemid": SEATS, "qty_order": 1, "baseprice": 8},
        {"_itemid": SEATS, "qty_order": 1, "unit_price": 9, "baseprice": 10},
        {"_itemid": SEATS, "qty_order": 1},
        {"_itemid": PLAIN, "qty_order": 1, "unit_price": 0},
    )["lines"]
    assert [line["unit_price"] for line in lines] == [7, 8, 9, 22, 0]
    assert [line["baseprice"] for line in lines] == [7, 8, 9, 22, 0]
    assert lines[3]["unit_cost"] == Decimal("17.60")


def test_fields_that_halopsa_does_not_know_are_dropped(halo: HaloTalk) -> None:
    invoice = create(halo, ACME, {**SEAT_LINE, "quantity": 99}, refrence="typo")
    assert "refrence" not in invoice
    assert "quantity" not in invoice["lines"][0]


def test_terms_currency_and_number_may_be_sent(halo: HaloTalk) -> None:
    invoice = create(
        halo,
        EXEMPT,
        SEAT_LINE,
        invoice_date="2026-10-01",
        duedate="2026-10-15",
        invoicenumber="MSP-1",
        currency_code=1,
    )
    assert (invoice["invoice_date"], invoice["duedate"]) == ("2026-10-01T00:00:00", "2026-10-15T00:00:00")
    assert (invoice["invoicenumber"], invoice["currency_code"]) == ("MSP-1", 1)
    assert create(halo, EXEMPT, SEAT_LINE)["currency_code"] == 2
    assert create(halo, BIRCH, invoice_date="2026-10-01")["duedate"] == "2026-10-31T00:00:00"


def test_an_inactive_client_is_not_refused(halo: HaloTalk) -> None:
    assert create(halo, DORMANT, SEAT_LINE)["client_id"] == DORMANT


def test_a_client_that_is_billed_through_another_is_redirected_without_a_word(halo: HaloTalk) -> None:
    invoice = create(halo, CEDAR, SEAT_LINE)
    assert (invoice["client_id"], invoice["client_name"]) == (BIRCH, "Birch Legal")
    assert invoice["original_client_id"] == CEDAR
    assert create(halo, BIRCH, SEAT_LINE)["client_id"] == BIRCH


def test_a_tenant_may_redirect_currencies_and_clients(halo: HaloTalk) -> None:
    halo.switch(redirect_client_to=BIRCH, currency_forced_to=2)
    invoice = create(halo, ACME, SEAT_LINE)
    assert (invoice["client_id"], invoice["currency_code"]) == (BIRCH, 2)


def test_the_accounting_sync_may_overwrite_the_number(halo: HaloTalk) -> None:
    halo.switch(renumber_after=2)
    new = create(halo, ACME, SEAT_LINE)["id"]
    numbers = [halo.get(f"Invoice/{new}")["invoicenumber"] for _ in range(3)]
    assert numbers == ["20003", "20003", "ACC-005003"]
    halo.switch(renumber_after=0)
    assert create(halo, ACME, SEAT_LINE)["thirdpartyinvoicenumber"] == "ACC-005004"


def test_a_tenant_may_add_a_blank_line(halo: HaloTalk) -> None:
    halo.switch(blank_default_line=True)
    lines = create(halo, ACME, SEAT_LINE)["lines"]
    assert len(lines) == 2
    assert (lines[1]["net_amount"], lines[1]["_itemid"]) == (0, 0)
    assert "item_shortdescription" not in lines[1]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({}, "client"),
        ({"client_id": 99}, "Client 99"),
        ({"client_id": ACME, "currency_code": 9}, "Currency 9"),
        ({"client_id": ACME, "lines": [{"_itemid": 99}]}, "Item 99"),
        ({"client_id": ACME, "lines": [{"tax_code": "99"}]}, "Tax code 99"),
    ],
)
def test_what_does_not_exist_is_refused(halo: HaloTalk, document: dict[str, Any], reason: str) -> None:
    answer = halo.send("Invoice", [document])
    assert answer.status_code == 400
    assert reason in answer.json()["errorMessage"]
    assert halo.get("Invoice")["record_count"] == 2


def test_an_update_leaves_unsent_scalars_and_lines_alone(halo: HaloTalk) -> None:
    before = halo.whole("Invoice", 5001)
    after = halo.post("Invoice", {"id": 5001, "notes_1": "new"})
    assert after["notes_1"] == "new"
    changed = {key for key in after if after[key] != before.get(key)}
    assert changed <= {"notes_1", "change_seq", "last_modified"}
    assert after["internal_note"] == "by hand"
    assert after["lines"] == before["lines"]


def test_updates_are_answered_with_200_or_201(halo: HaloTalk) -> None:
    assert halo.send("Invoice", [{"id": 5001}]).status_code == 201
    halo.switch(update_status=200)
    assert halo.send("Invoice", [{"id": 5001}]).status_code == 200
    assert halo.send("Invoice", [{"client_id": ACME}]).status_code == 201


def test_a_tenant_may_answer_one_with_an_array_of_one(halo: HaloTalk) -> None:
    halo.switch(one_in_one_out=False)
    assert [row["id"] for row in create(halo, ACME)] == [5003]


def test_change_seq_grows_and_may_be_checked(halo: HaloTalk) -> None:
    first = create(halo, ACME)
    second = halo.post("Invoice", {"id": first["id"], "notes_1": "a"})
    assert second["change_seq"] == first["change_seq"] + 1
    assert halo.send("Invoice", [{**first, "notes_1": "b"}]).status_code == 201
    halo.switch(check_change_seq=True)
    assert "another user" in halo.send("Invoice", [{**first, "notes_1": "c"}]).text
    halo.switch(change_seq=False)
    assert "change_seq" not in halo.whole("Invoice", first["id"])


def test_posted_voided_and_synced_invoices_refuse_changes(halo: HaloTalk) -> None:
    for action in ("post", "void", "sync"):
        new = create(halo, ACME, SEAT_LINE)["id"]
        halo.edit(action, id=new)
        answer = halo.send("Invoice", [{"id": new, "notes_1": "late"}])
        assert answer.status_code == 400
        assert f"Invoice {new} has been" in answer.json()["errorMessage"]
        assert halo.client.delete(f"/api/Invoice/{new}").status_code == 400
    halo.switch(refuse_locked=False)
    assert halo.post("Invoice", {"id": 5002, "notes_1": "late"})["notes_1"] == "late"


def test_posting_and_voiding_over_the_api_really_act(halo: HaloTalk) -> None:
    posted = halo.post("Invoice", {"id": 5001, "posted": True})
    assert (posted["posted"], posted["dateposted"]) == (True, "2026-10-20T12:00:00")
    assert halo.client.post("/api/Invoice/5002/void").json()["voided"] is True
    assert halo.get("Invoice/5002")["voided"] is True
    assert halo.client.post("/api/Invoice/99/void").status_code == 404


def test_a_deleted_invoice_is_gone(halo: HaloTalk) -> None:
    assert halo.client.delete("/api/Invoice/5001").json()["id"] == 5001
    assert halo.client.get("/api/Invoice/5001").status_code == 404
    assert halo.client.delete("/api/Invoice/5001").status_code == 404
    assert create(halo, ACME)["id"] == 5003
