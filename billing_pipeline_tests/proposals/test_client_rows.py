"""Proposed rows fit the clients.csv that is there: pasting what is proposed is always accepted at load."""

from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from billing_pipeline.billing.client_match import HaloClientNames
from billing_pipeline.billing.client_proposals import Pax8Company, ProposedClient, propose_rows
from billing_pipeline.billing.mapping_rows import ClientRow
from billing_pipeline.billing.setting_types import check_client_key
from billing_pipeline.settings.csv_files import read_rows
from billing_pipeline.settings.mapping_files import COLUMNS, read_clients
from billing_pipeline.settings.problems import Problem
from billing_pipeline.settings.proposal_files import csv_text


def propose(
    wanted: list[Pax8Company], halopsa: list[HaloClientNames], clients: list[ClientRow], **money: str
) -> list[ProposedClient]:
    companies = {company.company_id: company for company in wanted}
    sell = {company: {"USD": Decimal(amount)} for company, amount in money.items()}
    return propose_rows(wanted, sell, halopsa, clients, companies)


def test_a_company_of_a_client_that_is_there_gets_that_clients_row() -> None:
    known = ClientRow("acme-dental", "Acme", 246, "a1", recurring_invoice_id=-7, contract_id=9)
    [one] = propose([Pax8Company("a2", ("Acme Dental",))], [HaloClientNames(246, ("Acme Dental",))], [known])
    assert one.row == ClientRow("acme-dental", "Acme", 246, "a2", recurring_invoice_id=-7, contract_id=9)
    assert "it is client acme-dental already, with company a1" in one.why


def test_two_companies_of_a_new_client_get_one_key() -> None:
    wanted = [Pax8Company("a1", ("Kestrel Law",)), Pax8Company("a2", ("Kestrel Law LLC",))]
    one, other = propose(wanted, [HaloClientNames(5, ("Kestrel Law",))], [])
    assert (one.row.client, other.row.client) == ("kestrel-law", "kestrel-law")
    assert (one.row.name, other.row.name) == ("Kestrel Law", "Kestrel Law")
    assert "also proposed for Kestrel Law LLC" in one.why


def test_two_new_clients_never_get_one_key() -> None:
    wanted = [Pax8Company("a1", ("Kestrel Law",)), Pax8Company("a2", ("Kestrel Law",))]
    halopsa = [HaloClientNames(5, ("Kestrel-Law",))]
    taken = [ClientRow("kestrel-law", "Another", 6)]
    rows = [one.row.client for one in propose(wanted, halopsa, taken)]
    assert rows == ["kestrel-law-2", "kestrel-law-2"]


def test_a_name_like_the_pipelines_own_keys_gets_a_key_that_is_accepted() -> None:
    taken = [ClientRow("pax8", "Pax8", 6)]
    [one] = propose([Pax8Company("a1", ("Pax8",))], [HaloClientNames(5, ("Pax8",))], taken)
    assert check_client_key(one.row.client) == "client-pax8"


def test_an_excluded_client_is_said() -> None:
    known = ClientRow("internal", "Our own", 1, "a1", excluded=True)
    [one] = propose([Pax8Company("a2", ("Our own",))], [HaloClientNames(1, ("Our own",))], [known])
    assert one.row.excluded
    assert "which is excluded: nothing is billed to it" in one.why


def test_the_most_money_comes_first_whatever_its_sign() -> None:
    wanted = [Pax8Company("a", ("A",)), Pax8Company("b", ("B",)), Pax8Company("c", ("C",))]
    assert [one.company.name for one in propose(wanted, [], [], b="10.00", c="-500.00")] == ["C", "B", "A"]


def test_a_company_that_pax8_deleted_or_no_longer_lists_is_said() -> None:
    wanted = [Pax8Company("a", ("Gone",), listed=False), Pax8Company("b", ("Out",), status="Deleted")]
    gone, out = propose(wanted, [], [], a="2.00", b="1.00")
    assert "Pax8 no longer lists the company: it was deleted, or merged into another" in gone.why
    assert "the company is deleted in Pax8" in out.why


def test_a_renamed_company_is_matched_by_its_former_name_too() -> None:
    [one] = propose([Pax8Company("a", ("Acme Group", "Birch Legal"))], [HaloClientNames(5, ("Birch Legal",))], [])
    assert one.sure is not None
    assert one.sure.score == 100
    assert "renamed in Pax8, before: Birch Legal" in one.why


NAMES = st.text(max_size=12) | st.sampled_from(
    ["Acme", "Acme LLC", "pax8 GmbH", "Unassigned", "日本", "=1+1", "a" * 90]
)
KEYS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,5}", fullmatch=True)


@settings(deadline=None)
@given(
    companies=st.lists(st.lists(NAMES, max_size=2), max_size=6),
    halopsa=st.lists(st.tuples(st.integers(1, 9), NAMES), unique_by=lambda pair: pair[0], max_size=6),
    known=st.lists(
        st.tuples(KEYS, st.integers(1, 9)), unique_by=(lambda pair: pair[0], lambda pair: pair[1]), max_size=3
    ),
)
def test_every_row_with_a_halopsa_client_can_be_pasted(
    companies: list[list[str]], halopsa: list[tuple[int, str]], known: list[tuple[str, int]]
) -> None:
    wanted = [Pax8Company(f"company-{n}", tuple(filter(None, names))) for n, names in enumerate(companies)]
    clients = [ClientRow(key, f"Client {key}", halopsa_id, f"old-{key}") for key, halopsa_id in known]
    names = [HaloClientNames(halopsa_id, (name,)) for halopsa_id, name in halopsa]
    rows = [one.row for one in propose(wanted, names, clients)]
    for row in rows:
        assert check_client_key(row.client) == row.client
    cells = [
        (row.client, row.name.strip() or "x", row.halopsa_client_id, row.pax8_company_id, "false", None, None)
        for row in (*clients, *rows)
        if row.halopsa_client_id is not None
    ]
    problems: list[Problem] = []
    columns = COLUMNS["clients.csv"]
    text = csv_text(columns, cells).encode("utf-8", errors="replace")
    read_clients(read_rows(str(Path("clients.csv")), text, columns, problems))
    assert not [problem for problem in problems if problem.where != "name"]
