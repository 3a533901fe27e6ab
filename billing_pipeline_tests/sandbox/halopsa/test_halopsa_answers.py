"""How HaloPSA answers: nulls, unset dates, numbers, errors."""

import pytest

from billing_pipeline_tests.sandbox.halopsa.tenant import ACME, SEATS, TEMPLATE, HaloTalk


def test_nulls_are_left_out(halo: HaloTalk) -> None:
    for document in (halo.whole("Invoice", 5001), halo.whole("Client", ACME), halo.whole("Item", SEATS)):
        assert None not in document.values()
    assert "notes_1" not in halo.whole("Invoice", 5001)


def test_a_tenant_may_give_nulls(halo: HaloTalk) -> None:
    halo.switch(omit_nulls=False)
    invoice = halo.whole("Invoice", 5001)
    assert invoice["notes_1"] is None
    assert invoice["lines"][0]["comment_2"] is None
    assert halo.get("Invoice")["invoices"][0].get("lines") is None


def test_unset_dates_are_1900_1899_or_0001(halo: HaloTalk) -> None:
    invoice, template = halo.whole("Invoice", 5001), halo.whole("RecurringInvoice", TEMPLATE)
    assert invoice["datesent"] == "1900-01-01T00:00:00"
    assert invoice["last_synced"] == "0001-01-01T00:00:00"
    assert template["enddate"] == "1900-01-01T00:00:00"
    assert template["lastcreated"] == "1899-12-30T00:00:00"
    assert halo.whole("Invoice", 5002)["dateposted"] == "2026-09-16T10:00:00"
    halo.switch(sentinel_dates=False)
    assert "datesent" not in halo.whole("Invoice", 5001)


def test_a_sentinel_that_is_sent_back_stays_unset(halo: HaloTalk) -> None:
    sent_back = halo.whole("Invoice", 5001)
    halo.post("Invoice", sent_back)
    halo.switch(sentinel_dates=False)
    after = halo.whole("Invoice", 5001)
    assert "datesent" not in after
    assert "startdate" not in after["lines"][0]


def test_dates_with_a_zone_are_kept_in_utc_without_one(halo: HaloTalk) -> None:
    changed = halo.post("Invoice", {"id": 5001, "invoice_date": "2026-10-05T22:00:00-06:00"})
    assert changed["invoice_date"] == "2026-10-06T04:00:00"
    assert halo.post("Invoice", {"id": 5001, "duedate": "2026-10-09T00:00:00Z"})["duedate"] == ("2026-10-09T00:00:00")


def test_money_and_quantities_are_numbers_and_tax_codes_text(halo: HaloTalk) -> None:
    line = halo.whole("Invoice", 5001)["lines"][0]
    assert not isinstance(line["qty_order"], str)
    assert not isinstance(line["unit_price"], str)
    assert line["tax_code"] == "3"
    assert halo.get("Tax")[0]["value"] != "8.81"


def test_ids_that_are_unset_are_zero(halo: HaloTalk) -> None:
    client = halo.whole("Client", 247)
    assert (client["client_to_invoice"], client["item_tax_code"]) == (0, 0)
    assert halo.whole("Invoice", 5001)["recurring_invoice_id"] == 0


@pytest.mark.parametrize("body", [{"client_id": ACME}, "text", 5, []])
def test_a_body_that_is_no_filled_array_is_refused(halo: HaloTalk, body: object) -> None:
    answer = halo.send("Invoice", body)
    assert answer.status_code == 400
    assert "array" in answer.json()["Message"]
    assert halo.get("Invoice")["record_count"] == 2


def test_a_body_that_is_no_json_is_refused(halo: HaloTalk) -> None:
    answer = halo.client.post("/api/Invoice", content=b"[{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()) == (400, {"Message": "The request body is not valid JSON."})


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"client_id": "246"}, "[0].client_id"),
        ({"client_id": 246.5}, "[0].client_id"),
        ({"client_id": True}, "[0].client_id"),
        ({"client_id": ACME, "posted": "no"}, "[0].posted"),
        ({"client_id": ACME, "invoice_date": "soon"}, "[0].invoice_date"),
        ({"client_id": ACME, "lines": {}}, "[0].lines"),
        ({"client_id": ACME, "lines": [{"_itemid": "900"}]}, "[0].lines[0]._itemid"),
        ({"client_id": ACME, "lines": [{"qty_order": "ten"}]}, "[0].lines[0].qty_order"),
        ({"client_id": ACME, "lines": [5]}, "[0].lines[0]"),
    ],
)
def test_a_value_of_a_wrong_type_is_refused_and_nothing_is_written(
    halo: HaloTalk, document: dict[str, object], path: str
) -> None:
    answer = halo.send("Invoice", [document])
    assert answer.status_code == 400
    assert path in answer.json()["Message"]
    assert halo.get("Invoice")["record_count"] == 2


def test_one_bad_document_spoils_its_whole_array(halo: HaloTalk) -> None:
    assert halo.send("Invoice", [{"client_id": ACME}, {"client_id": "246"}]).status_code == 400
    assert halo.get("Invoice")["record_count"] == 2


def test_a_number_for_a_text_becomes_text(halo: HaloTalk) -> None:
    changed = halo.post("Invoice", {"id": 5001, "lines": [{"id": 701, "tax_code": 2, "nominal_code": 4100}]})
    assert (changed["lines"][0]["tax_code"], changed["lines"][0]["nominal_code"]) == ("2", "4100")


def test_what_is_not_there_is_404(halo: HaloTalk) -> None:
    for path in ("/api/Invoice/99", "/api/Item/99", "/api/RecurringInvoice/-99", "/api/Invoice/abc"):
        answer = halo.client.get(path)
        assert answer.status_code == 404
        assert answer.json()["ClassName"] == "System.Exception"
    assert halo.client.get("/api/NoSuchThing").status_code == 404
    assert halo.send("Invoice", [{"id": 99}]).status_code == 404


def test_there_is_no_put(halo: HaloTalk) -> None:
    assert halo.client.put("/api/Invoice", json=[{"id": 5001}]).status_code == 405
    assert halo.client.put("/api/Invoice/5001", json={}).status_code == 405


def test_errors_come_in_several_shapes(halo: HaloTalk) -> None:
    business = halo.send("Invoice", [{"client_id": 99}])
    assert (business.status_code, set(business.json())) == (400, {"resultCode", "errorMessage"})
    assert "ClassName" in halo.client.get("/api/Item/99").json()
    assert set(halo.send("Item", {}).json()) == {"Message"}
