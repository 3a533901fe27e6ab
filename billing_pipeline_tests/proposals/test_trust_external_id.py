"""`trust_external_id`: a company is a client's by its external id, as narrowly as can be."""

from typing import Any

import pytest

from billing_pipeline.billing.mapping_rows import ClientRow
from billing_pipeline.billing.trusted_companies import trust_external_ids
from billing_pipeline_tests.proposals.office import Office, client, company, company_id, halopsa, line, pax8

ACME = ClientRow("acme", "Acme", 246)
TRUST: dict[str, Any] = {"integrations": {"pax8": {"trust_external_id": True}}}


def test_a_client_without_a_company_is_trusted_to_one_company() -> None:
    trusted = trust_external_ids({"c1": " 246 ", "c2": "", "c3": "999"}, [ACME])
    assert trusted.clients == {"c1": ACME}
    assert trusted.refused == {
        "c3": "its externalId 999 is not trusted: no client of clients.csv has this HaloPSA id",
    }


@pytest.mark.parametrize(
    ("rows", "external_ids", "why"),
    [
        (
            [ClientRow("acme", "Acme", 246, "c9")],
            {"c1": "246"},
            "client acme (HaloPSA 246) has another company in clients.csv",
        ),
        (
            [ClientRow("acme", "Acme", 246, excluded=True)],
            {"c1": "246"},
            "client acme is excluded, and only a row of its own may exclude a company",
        ),
        ([ACME], {"c1": "246", "c2": "246"}, "2 companies have it"),
        ([ACME], {"c1": "0246"}, "no client of clients.csv has this HaloPSA id"),
    ],
)
def test_what_is_not_trusted_says_why(rows: list[ClientRow], external_ids: dict[str, str], why: str) -> None:
    trusted = trust_external_ids(external_ids, rows)
    assert trusted.clients == {}
    assert trusted.refused["c1"].endswith(f"is not trusted: {why}")


def test_a_trusted_company_is_billed_to_its_client(office: Office) -> None:
    office.set_up(
        pax8(companies=[company(1, "Quite another name", externalId="246")], lines=[line(1, 1)]),
        halopsa(clients=[client(246, "Acme Dental")]),
        clients="acme,Acme Dental,246,,false,,\n",
        **TRUST,
    )
    office.prepare()
    office.post()
    assert office.query("select client, disposition from dispositions") == [("acme", "posted")]
    assert [invoice["client_id"] for invoice in office.written("invoices")] == [246]


def test_without_the_setting_the_external_id_says_nothing(office: Office) -> None:
    office.set_up(
        pax8(companies=[company(1, "Acme Dental", externalId="246")], lines=[line(1, 1)]),
        halopsa(clients=[client(246, "Acme Dental")]),
        clients="acme,Acme Dental,246,,false,,\n",
    )
    office.prepare()
    assert office.query("select client, reason from holds") == [(f"pax8-{company_id(1)}", "unmapped_client")]


def test_a_client_that_only_halopsa_knows_is_never_billed(office: Office) -> None:
    office.set_up(
        pax8(companies=[company(1, "Acme Dental", externalId="246")], lines=[line(1, 1)]),
        halopsa(clients=[client(246, "Acme Dental")]),
        **TRUST,
    )
    office.prepare()
    [(held, reason, detail)] = office.query("select client, reason, detail from holds")
    assert (held, reason) == (f"pax8-{company_id(1)}", "unmapped_client")
    assert "has no row in clients.csv; its externalId 246 is not trusted: no client of clients.csv has" in detail
    assert "1 line, 22.00 USD" in detail


def test_an_old_number_does_not_join_a_second_business_to_a_mapped_client(office: Office) -> None:
    office.set_up(
        pax8(
            companies=[company(1, "Alder Dental"), company(2, "Alder Rental", externalId="246")],
            lines=[line(1, 1), line(2, 2, "700.00", name="Alder Rental")],
        ),
        halopsa(clients=[client(246, "Alder Dental")]),
        clients=f"alder,Alder Dental,246,{company_id(1)},false,,\n",
        **TRUST,
    )
    office.prepare()
    [(held, detail)] = office.query("select client, detail from holds")
    assert held == f"pax8-{company_id(2)}"
    assert "client alder (HaloPSA 246) has another company in clients.csv" in detail
    assert "700.00 USD" in detail


def test_a_row_of_its_own_wins_over_the_external_id(office: Office) -> None:
    office.set_up(
        pax8(companies=[company(1, "Birch", externalId="246")], lines=[line(1, 1)]),
        halopsa(clients=[client(246, "Acme"), client(9, "Birch")]),
        clients=f"acme,Acme,246,,false,,\nbirch,Birch,9,{company_id(1)},false,,\n",
        **TRUST,
    )
    office.prepare()
    assert office.query("select distinct client from normalized_charges") == [("birch",)]


def test_the_snapshot_that_was_trusted_is_noted(office: Office) -> None:
    office.set_up(
        pax8(companies=[company(1, "Acme", externalId="246")], lines=[line(1, 1)]),
        halopsa(clients=[client(246, "Acme")]),
        clients="acme,Acme,246,,false,,\n",
        **TRUST,
    )
    office.prepare()
    [(used,)] = office.query(
        "select snapshot_ids from slice_sources where step = 'normalized_charges' and client = 'acme'"
    )
    [(companies,)] = office.query("select max(snapshot_id) from snapshots where kind = 'pax8_companies'")
    assert companies in used
