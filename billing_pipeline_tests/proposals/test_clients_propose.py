"""`clients propose`, against a real Pax8 and HaloPSA."""

from billing_pipeline_tests.proposals.office import (
    MONTH,
    Office,
    azure,
    client,
    company,
    company_id,
    halopsa,
    line,
    pax8,
)

ACME_ROW = f"acme-dental,Acme Dental,246,{company_id(1)},false,,\n"


def test_proposes_what_nobody_mapped_with_scores_and_money(office: Office) -> None:
    office.set_up(
        pax8(
            companies=[company(1, "Acme Dental"), company(2, "ABC Dental"), company(3, "Birch Legal, LLC")],
            lines=[line(1, 1), line(2, 2, "900.10", "ABC Dental"), line(3, 2, "0.0044", "ABC Dental"), line(4, 3)],
        ),
        halopsa(
            clients=[
                client(246, "Acme Dental"),
                client(7, "ABC Rental"),
                client(9, "Birch Legal"),
                client(12, "ABC Dental and Orthodontics"),
                client(13, "Zephyr Yachts"),
            ]
        ),
        clients=ACME_ROW,
    )
    office.prepare()
    result = office.run("clients", "propose")
    assert result.exit_code == 0
    abc, birch = office.rows("clients.proposed.csv")
    assert abc == {
        "client": "abc-dental",
        "name": "ABC Dental",
        "halopsa_client_id": "",
        "pax8_company_id": company_id(2),
        "excluded": "false",
        "recurring_invoice_id": "",
        "contract_id": "",
        "candidate": "ABC Rental (7)",
        "score": "90",
        "candidate_2": "Acme Dental (246)",
        "score_2": "85",
        "candidate_3": "ABC Dental and Orthodontics (12)",
        "score_3": "54",
        "why": 'doubtful: the names are 90 % alike, but "dental" is not "rental"',
        "currency": "USD",
        "sell": "900.1044",
    }
    assert (birch["client"], birch["halopsa_client_id"], birch["score"]) == ("birch-legal", "9", "100")
    assert birch["sell"] == "22"
    assert "2 companies have no row in clients.csv. Proposed, and not accepted:" in result.stdout
    assert "900.1044 USD" in result.stdout
    shown = [cell in result.stdout for cell in ("90 % ABC Rental (7)", "54 % ABC Dental and")]
    assert shown == [True, True]
    assert "1 row is doubtful: write the right id under halopsa_client_id." in result.stdout
    assert f"billing-pipeline clients import {office.config / 'clients.proposed.csv'}" in result.stdout


def test_proposals_are_never_accepted_by_themselves(office: Office) -> None:
    office.set_up(
        pax8(companies=[company(3, "Birch Legal")], lines=[line(4, 3)]), halopsa(clients=[client(9, "Birch Legal")])
    )
    office.prepare()
    office.run("clients", "propose")
    assert office.rows("clients.csv") == []
    office.prepare()
    assert office.query("select client, reason from holds") == [(f"pax8-{company_id(3)}", "unmapped_client")]


def test_an_accepted_row_pasted_into_clients_csv_bills_the_company(office: Office) -> None:
    office.set_up(
        pax8(companies=[company(3, "Birch Legal")], lines=[line(4, 3)]), halopsa(clients=[client(9, "Birch Legal")])
    )
    office.prepare()
    office.run("clients", "propose")
    header, row = office.read("clients.proposed.csv").splitlines()
    columns = len(office.read("clients.csv").splitlines()[0].split(","))
    assert header.split(",")[:columns] == office.read("clients.csv").splitlines()[0].split(",")
    # As a whole, with the cells that only explain it.
    office.write("clients.csv", office.read("clients.csv") + row + "\n")
    office.prepare()
    office.post()
    assert [invoice["client_id"] for invoice in office.written("invoices")] == [9]
    again = office.run("clients", "propose")
    assert "Every Pax8 company has its row in clients.csv" in again.stdout
    assert office.rows("clients.proposed.csv") == []


def test_an_external_id_is_ranked_first_and_marked_as_what_it_is(office: Office) -> None:
    office.set_up(
        pax8(companies=[company(2, "Birch Legal", externalId="246")]),
        halopsa(clients=[client(246, "Acme Dental"), client(9, "Birch Legal")]),
    )
    office.run("clients", "propose")
    [row] = office.rows("clients.proposed.csv")
    assert row["halopsa_client_id"] == ""
    assert (row["candidate"], row["candidate_2"], row["score_2"]) == ("Acme Dental (246)", "Birch Legal (9)", "100")
    assert row["why"].startswith("doubtful: externalId 246 is this HaloPSA client's id, but an old external id can be")


def test_works_before_the_first_month(office: Office) -> None:
    office.set_up(pax8(companies=[company(2, "Birch Legal")]), halopsa(clients=[client(9, "Birch Legal")]))
    assert office.run("clients", "propose").exit_code == 0
    [row] = office.rows("clients.proposed.csv")
    assert (row["client"], row["currency"], row["sell"]) == ("birch-legal", "", "")


def test_two_currencies_stand_in_one_row(office: Office) -> None:
    lines = [line(1, 2, "10.00"), line(2, 2, "5.50", currencyCode="CAD")]
    office.set_up(pax8(companies=[company(2, "Birch Legal")], lines=lines), halopsa(clients=[client(9, "Birch Legal")]))
    office.prepare()
    office.run("clients", "propose")
    [row] = office.rows("clients.proposed.csv")
    assert (row["currency"], row["sell"]) == ("CAD; USD", "5.5; 10")


def test_a_company_that_only_the_invoice_knows_is_proposed_under_its_old_name(office: Office) -> None:
    """Pax8 merged it into another company, which bears the same name and is mapped."""
    office.set_up(
        pax8(companies=[company(1, "Acme Dental")], lines=[line(1, 5, "40.00", name="Acme Dental")]),
        halopsa(clients=[client(246, "AD Holding")]),
        clients=f"acme,AD Holding,246,{company_id(1)},false,,\n",
    )
    office.prepare()
    office.run("clients", "propose")
    [row] = office.rows("clients.proposed.csv")
    assert (row["client"], row["halopsa_client_id"], row["pax8_company_id"]) == ("acme", "246", company_id(5))
    assert 'the names are the same (known as "Acme Dental")' in row["why"]
    assert "Pax8 no longer lists the company: it was deleted, or merged into another" in row["why"]
    assert "it is client acme already, with Acme Dental" in row["why"]


def test_a_renamed_company_is_found_by_the_name_it_had(office: Office) -> None:
    office.set_up(pax8(companies=[company(2, "Birch Legal")]), halopsa(clients=[client(9, "Birch Legal")]))
    office.fetch()
    office.set_up(pax8(companies=[company(2, "Quercus Advocates")]), halopsa(clients=[client(9, "Birch Legal")]))
    office.run("clients", "propose")
    [row] = office.rows("clients.proposed.csv")
    assert row["halopsa_client_id"] == "9"
    assert "renamed in Pax8, before: Birch Legal" in row["why"]


def test_deleted_companies_are_proposed_only_where_money_is_at_stake(office: Office) -> None:
    deleted = [company(2, "Birch Legal", status="Deleted"), company(3, "Cedar Clinic", status="Deleted")]
    office.set_up(pax8(companies=deleted, lines=[line(1, 2)]), halopsa(clients=[client(9, "Birch Legal")]))
    office.prepare()
    result = office.run("clients", "propose")
    [row] = office.rows("clients.proposed.csv")
    assert row["pax8_company_id"] == company_id(2)
    assert "the company is deleted in Pax8" in row["why"]
    assert "Left out, for Pax8 deleted them and they have no charges: 1" in result.stdout


def test_an_inactive_halopsa_client_is_said(office: Office) -> None:
    office.set_up(
        pax8(companies=[company(2, "Birch Legal")]), halopsa(clients=[client(9, "Birch Legal", inactive=True)])
    )
    office.run("clients", "propose")
    [row] = office.rows("clients.proposed.csv")
    assert "it is inactive in HaloPSA: what is billed to it is held until it is activated" in row["why"]


def test_what_happened_to_confirmed_rows_is_told(office: Office) -> None:
    rows = (
        f"acme,Acme Dental,246,{company_id(1)},false,,\n"
        f"birch,Birch Legal,9,{company_id(2)},false,,\n"
        f"cedar,Cedar Clinic,10,{company_id(3)},false,,\n"
        f"dune,Dune Bakery,11,{company_id(4)},false,,\n"
    )
    halo = halopsa(clients=[client(246, "Acme"), client(10, "Cedar", inactive=True), client(11, "Dune")])
    office.set_up(
        pax8(companies=[company(1, "Acme Dental"), company(2, "Birch Legal"), company(4, "Dune")]), halo, rows
    )
    office.fetch()
    companies = [
        company(1, "Acme Orthodontics"),
        company(2, "Birch Legal", status="Deleted"),
        company(4, "Dune"),
    ]
    office.set_up(pax8(companies=companies), halo, rows)
    said = office.run("clients", "propose").stdout
    assert "acme: its company was renamed in Pax8 from Acme Dental to Acme Orthodontics" in said
    assert "birch: its company Birch Legal is deleted in Pax8; what is still charged is billed" in said
    assert "birch: HaloPSA does not have its client 9: correct the row in clients.csv" in said
    assert f"cedar: Pax8 no longer lists its company {company_id(3)}" in said
    assert "cedar: its HaloPSA client 10 is inactive: its charges are held" in said
    assert "dune" not in said


def test_lines_without_a_company_are_told_with_their_money(office: Office) -> None:
    lines = [line(1, 2, "12.34", companyId=None, companyName=None), azure(2, 2, "0.66", companyId=None)]
    office.set_up(pax8(lines=lines), halopsa())
    office.prepare()
    said = office.run("clients", "propose").stdout
    assert (
        f"Lines of {MONTH} that name no company: 2, over 13.00 USD; billing-pipeline decide {MONTH} --of unassigned "
        f"lists them, and billing-pipeline decide {MONTH} --line ID --client KEY --by NAME --why TEXT says whose "
        "each is"
    ) in " ".join(said.split())


def test_from_snapshots_asks_nobody(office: Office) -> None:
    office.set_up(pax8(companies=[company(2, "Birch Legal")]), halopsa(clients=[client(9, "Birch Legal")]))
    office.fetch()
    before = office.sandbox.pax8_service.log.counts(), office.sandbox.halopsa_service.log.counts()
    assert office.run("clients", "propose", "--from-snapshots").exit_code == 0
    assert (office.sandbox.pax8_service.log.counts(), office.sandbox.halopsa_service.log.counts()) == before
    assert len(office.rows("clients.proposed.csv")) == 1


def test_without_a_snapshot_it_says_how_to_get_one(office: Office) -> None:
    office.set_up(pax8(), halopsa())
    result = office.run("clients", "propose", "--from-snapshots")
    assert result.exit_code == 1
    assert "There is no snapshot of pax8_companies yet" in result.stderr
    office.warehouse.path.unlink()
    result = office.run("clients", "propose", "--from-snapshots")
    assert result.exit_code == 1
    assert "There is no database" in result.stderr


def test_a_name_is_no_formula_for_a_spreadsheet(office: Office) -> None:
    office.set_up(pax8(companies=[company(2, "=HYPERLINK(1)")]), halopsa(clients=[client(9, "=HYPERLINK(1)")]))
    office.run("clients", "propose")
    [row] = office.rows("clients.proposed.csv")
    assert row["name"] == "'=HYPERLINK(1)"
