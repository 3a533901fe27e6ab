"""`check` and `codes`: what they read, and that they change nothing."""

from billing_pipeline_tests.cli.typing_commands import type_command
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.worlds import (
    ACME,
    BIRCH,
    CEDAR,
    ITEM,
    make_halopsa_client,
    make_invoice,
    make_line,
    make_world,
)


def test_check_tells_all_rights_and_that_everything_is_there(msp: Provider) -> None:
    msp.remove_files()
    typed = type_command(msp, "check")
    assert typed.exit_code == 0
    assert "Pax8 invoices: readable" in typed.stdout
    assert "HaloPSA Invoice: readable" in typed.stdout
    assert "HaloPSA granted the scope" in typed.stdout
    assert "Ready: billing-pipeline close MONTH" in typed.stdout
    changed = {**msp.sandbox.pax8_service.log.counts(), **msp.sandbox.halopsa_service.log.counts()}
    assert {route for route in changed if not route.startswith("GET ")} == {"POST /v1/token", "POST /auth/token"}
    assert not msp.warehouse.exists()


def test_check_tells_the_trouble_of_both_services(msp: Provider) -> None:
    msp.switch_halopsa(permission_denied=["GET /api/Item", "GET /api/Tax"], permission_status=403)
    typed = type_command(msp, "check", PAX8_CLIENT_SECRET="wrong")
    assert typed.exit_code == 1
    assert "PAX8_CLIENT_SECRET" in typed.stderr
    assert "read:items" in typed.stderr
    assert "read access to taxes" in typed.stderr


def test_check_with_missing_variables_is_wrong_settings(msp: Provider) -> None:
    typed = type_command(msp, "check", HALOPSA_RESOURCE_SERVER=None)
    assert typed.exit_code == 2
    assert "HALOPSA_RESOURCE_SERVER is missing" in typed.stderr
    assert "Pax8 invoices: readable" in typed.stdout


def test_check_with_broken_settings_names_all_of_them(msp: Provider) -> None:
    msp.set_settings(settings={"tax_engine": "none_such"}, mode="automatik")
    typed = type_command(msp, "check")
    assert typed.exit_code == 2
    assert "tax_engine" in typed.stderr
    assert "mode" in typed.stderr


def test_check_finds_what_the_settings_name_and_the_services_do_not_have(msp: Provider) -> None:
    contracts = [{"id": 70, "ref": "MS-1", "client_id": BIRCH.halopsa_id}]
    clients = [make_halopsa_client(ACME), make_halopsa_client(BIRCH, inactive=True)]
    msp.sandbox.reset(make_world([ACME], [], clients=clients, contracts=contracts))
    msp.set_settings(
        settings={"codes": {"tax": 99, "accounts": "4192", "expense": "6000"}},
        clients={"birch": {"settings": {"codes": {"item": 901}}}},
    )
    rows = [
        ("acme", "Acme", ACME.halopsa_id, ACME.company_id, "false", -7, 70),
        ("birch", "Birch", BIRCH.halopsa_id, BIRCH.company_id, "false", "", ""),
        ("cedar", "Cedar", CEDAR.halopsa_id, "", "false", "", ""),
    ]
    msp.write_csv("clients.csv", rows)
    msp.write_csv("products.csv", [("pax8", "azure", "", "", 902), ("pax8", "p-1", "", "Monthly", ITEM)])
    typed = type_command(msp, "check")
    assert typed.exit_code == 2
    lines = (msp.config / "billing.yaml").read_text().splitlines()
    line = 1 + next(place for place, text in enumerate(lines) if "item: 901" in text)
    for told in (
        f"billing.yaml:{line}: codes.item 901 is no active item of HaloPSA",
        "codes.tax 99 is no tax of HaloPSA",
        "products.csv: azure has item 902, which HaloPSA does not list",
        "acme has recurring invoice -7, which HaloPSA does not have",
        f"acme has contract 70, which belongs to HaloPSA client {BIRCH.halopsa_id}",
        f"cedar has HaloPSA client {CEDAR.halopsa_id}, which HaloPSA does not have",
        "6 settings to correct",
    ):
        assert told in typed.stderr
    flowed = " ".join(typed.stdout.split())
    assert "codes.expense 6000 is on nothing in HaloPSA yet" in flowed
    assert "codes.accounts" not in flowed
    assert "which is inactive: its months will be held" in flowed
    assert f"birch has Pax8 company {BIRCH.company_id}, which Pax8 does not list" in flowed


def test_check_asks_for_the_recurring_invoice_that_a_close_would_take(msp: Provider) -> None:
    """HaloPSA bills Acme's and Birch's recurring invoices through Cedar, so that only one of Cedar's takes charges."""
    redirect = {"client_to_invoice_recurring": CEDAR.halopsa_id}
    clients = [make_halopsa_client(one, **redirect) for one in (ACME, BIRCH)] + [make_halopsa_client(CEDAR)]
    templates = [{"id": -7, "client_id": CEDAR.halopsa_id}, {"id": -8, "client_id": BIRCH.halopsa_id}]
    msp.sandbox.reset(make_world([ACME, BIRCH], [], clients=clients, recurring_invoices=templates))
    acme = ("acme", "Acme", ACME.halopsa_id, ACME.company_id, "false", -7, "")
    msp.write_csv("clients.csv", [acme])
    assert type_command(msp, "check").exit_code == 0
    msp.write_csv("clients.csv", [acme, ("birch", "Birch", BIRCH.halopsa_id, BIRCH.company_id, "false", -8, "")])
    typed = type_command(msp, "check")
    assert typed.exit_code == 2
    said = " ".join(typed.stderr.split())
    assert (
        f"birch has recurring invoice -8, which belongs to HaloPSA client {BIRCH.halopsa_id}; "
        f"client {BIRCH.halopsa_id} has client_to_invoice_recurring {CEDAR.halopsa_id}"
    ) in said
    assert "1 setting to correct" in said


def test_check_tells_whom_halopsas_own_pax8_import_bills_and_keeps_it_for_the_next_close(msp: Provider) -> None:
    """Where the client's list row says nothing of it, `check` is what finds out."""
    usage = {"id": 1, "_itemid": ITEM, "item_shortdescription": "Azure", "consumption_line_type": 1}
    templates = [
        {"id": -7, "client_id": ACME.halopsa_id, "lines": []},
        {"id": -8, "client_id": BIRCH.halopsa_id, "lines": [usage]},
    ]
    invoice = make_invoice([make_line(1, ACME, "10.00"), make_line(2, CEDAR, "5.00")])
    msp.set_up(make_world([ACME, BIRCH, CEDAR], [invoice], recurring_invoices=templates), [ACME, BIRCH, CEDAR])
    msp.switch_halopsa(change_seq=False)
    msp.close(post=False)
    msp.let_agent("edit_other", resource="Client", id=ACME.halopsa_id, fields={"pax8monthlyinvoice": -7})
    msp.disturb_halopsa("status", f"/api/Client/{CEDAR.halopsa_id}", "GET", status=403)
    typed = type_command(msp, "check")
    assert typed.exit_code == 0
    told = " ".join(typed.stdout.split())
    for said in (
        f"acme is billed for Pax8 company {ACME.company_id}, and HaloPSA's own Pax8 import bills HaloPSA client "
        f"{ACME.halopsa_id} (Acme Dental) on recurring invoice -7, which its field pax8monthlyinvoice names: its "
        "months will be held (double_billing)",
        f"birch is billed for Pax8 company {BIRCH.company_id}, and HaloPSA's own sync bills item {ITEM} on line 1 of "
        "recurring invoice -8 (Azure, consumption_line_type 1)",
        f"the detail of HaloPSA client {CEDAR.halopsa_id} (Cedar Clinic) cannot be read",
    ):
        assert said in told
    msp.sandbox.halopsa_service.faults.clear()
    before = msp.sandbox.halopsa_service.log.counts()["GET /api/Client/{id}"]
    msp.close(post=False)
    assert msp.sandbox.halopsa_service.log.counts()["GET /api/Client/{id}"] == before + 2, "Acme's, and Cedar's"
    assert msp.held() == [("acme", "double_billing")]


def test_codes_lists_what_halopsa_has_to_choose_from(msp: Provider) -> None:
    groups = [{"id": 31, "name": "Cloud subscriptions", "nominalcode": "4100", "nominalcodepurchase": "5001"}]
    items = [
        {"id": ITEM, "name": "Cloud services", "taxcode": 3, "nominalcode": "4192", "assetgroup_id": 31},
        {"id": 901, "name": "Azure", "taxcode": 0, "nominalcode": "4192", "purchasenominalcode": "5002"},
    ]
    msp.sandbox.reset(make_world([ACME], [], items=items, asset_groups=groups))
    typed = type_command(msp, "codes")
    assert typed.exit_code == 0
    shown = " ".join(typed.stdout.split())
    assert "900 Cloud services Cloud subscriptions 4192 3" in shown
    assert "3 NONE No tax 0.0" in shown
    assert "4192 2 items" in shown
    assert "5002 1 item" in shown
    assert "5001 1 product group" in shown


def test_codes_of_an_empty_halopsa_says_so(msp: Provider) -> None:
    msp.sandbox.reset(make_world([], [], items=[], taxes=[]))
    typed = type_command(msp, "codes")
    assert typed.exit_code == 0
    assert "HaloPSA has no item." in typed.stdout
    assert "None is in use" in typed.stdout
