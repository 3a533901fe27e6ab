"""The journal is a chain: an edited or a missing row is found, and another HaloPSA is refused."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from billing_pipeline.billing.errors import PostingRefused, WarehouseError
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.steps import journal
from billing_pipeline_tests.ready_made import copy_empty_warehouse
from billing_pipeline_tests.steps.months import MonthMaker, line

WRITER = journal.Writer("run-1", "clerk", "0.1.0", "https://psa.example.com/api", "example")
NOW = datetime(2026, 10, 6, 15, 0, 0, 123456)  # noqa: DTZ001


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """A warehouse with a journal of four rows."""
    made = Warehouse(copy_empty_warehouse(tmp_path / "billing.duckdb"))
    with made.session("write the journal") as session:
        for event in ("sending", "posted", "read_back", "sending"):
            detail = {"sell": Decimal("22.00"), "text": "é"}
            journal.append(session, WRITER, event, NOW, month="2026-10", client="acme", detail=detail)
    return made


def broken(warehouse: Warehouse, sql: str = "select 1") -> str | None:
    with warehouse.session("check the journal") as session:
        session.execute(sql)
        return journal.find_break(session)


def test_a_journal_that_nobody_touched_is_whole(warehouse: Warehouse) -> None:
    assert broken(warehouse) is None


def test_each_row_carries_the_hash_of_the_one_before(warehouse: Warehouse) -> None:
    with warehouse.session("read") as session:
        rows = session.rows(
            "select seq, previous_hash, row_hash, recorded_at, detail from posting_journal order by seq"
        )
        head = journal.read_head(session)
    assert [row["seq"] for row in rows] == [1, 2, 3, 4]
    assert [row["previous_hash"] for row in rows] == [journal.GENESIS, *(row["row_hash"] for row in rows[:-1])]
    assert head == journal.JournalHead(4, rows[-1]["row_hash"])
    assert rows[0]["recorded_at"] == datetime(2026, 10, 6, 15, 0)  # noqa: DTZ001
    assert rows[0]["detail"] == '{"sell":"22","text":"é"}'


COLUMNS = (
    "event month client document_key plan_hash run_id actor code_version halopsa_address halopsa_tenant request_digest "
    "outcome detail previous_hash row_hash"
)


@pytest.mark.parametrize("column", COLUMNS.split())
def test_an_edited_row_is_found(warehouse: Warehouse, column: str) -> None:
    said = broken(warehouse, f"update posting_journal set {column} = 'x' where seq = 2")
    assert said == "row 2 of the posting journal was changed after it was written"


@pytest.mark.parametrize(
    "edit", ["recorded_at = recorded_at + interval 1 second", "halopsa_invoice_id = 7", "detail = null"]
)
def test_an_edit_of_other_kinds_of_columns_is_found(warehouse: Warehouse, edit: str) -> None:
    assert "row 3" in str(broken(warehouse, f"update posting_journal set {edit} where seq = 3"))


@pytest.mark.parametrize("seq", [1, 2, 3])
def test_a_missing_row_is_found(warehouse: Warehouse, seq: int) -> None:
    said = broken(warehouse, f"delete from posting_journal where seq = {seq}")
    assert said == f"row {seq} of the posting journal is missing"


def test_a_row_that_was_slipped_in_is_found(warehouse: Warehouse) -> None:
    sql = "insert into posting_journal by name select * replace (3 as seq) from posting_journal where seq = 2"
    assert broken(warehouse, sql) is not None


def test_rows_that_changed_places_are_found(warehouse: Warehouse) -> None:
    sql = "update posting_journal set seq = case seq when 2 then 3 else 2 end where seq in (2, 3)"
    assert broken(warehouse, sql) == "row 2 of the posting journal was changed after it was written"


def test_a_row_without_a_place_in_the_table_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match="has no column colour"), warehouse.session("write") as session:
        journal.append(session, WRITER, "sending", NOW, colour="blue")


@pytest.mark.parametrize(
    ("address", "tenant"),
    [
        ("https://other.example.com/api", "example"),
        ("https://psa.example.com/api", "other"),
        ("https://psa.example.com", "example"),
    ],
)
def test_another_halopsa_is_refused_with_both_names(warehouse: Warehouse, address: str, tenant: str) -> None:
    with pytest.raises(PostingRefused) as caught, warehouse.session("check") as session:
        journal.refuse_other_tenant(session, address, tenant, "Nothing was done.", "close 2026-10 again")
    assert "then close 2026-10 again." in str(caught.value)
    assert str(caught.value).endswith(
        "Never give a new database to the same HaloPSA: it would not know what was posted."
    )
    assert f"(tenant {tenant!r}). Nothing was done. Correct HALOPSA_RESOURCE_SERVER" in str(caught.value)
    assert "https://psa.example.com/api (tenant 'example')" in str(caught.value)
    assert f"{address} (tenant {tenant!r})" in str(caught.value)


@pytest.mark.parametrize("address", ["https://psa.example.com/api", "https://PSA.example.com/api/"])
def test_the_same_halopsa_written_otherwise_is_the_same(warehouse: Warehouse, address: str) -> None:
    with warehouse.session("check") as session:
        journal.refuse_other_tenant(session, address, "example", "Nothing was done.", "close 2026-10 again")


def test_posting_asks_the_journal_first(months: MonthMaker) -> None:
    month = months.make([line("L1"), line("L2", companyId="11111111-1111-4111-8111-222222222222")])
    month.prepare()
    month.work = month.work.of(["acme-dental"])
    month.post()
    month.work = month.work.of(["birch-legal"])
    month.rows("update posting_journal set outcome = 'x' where seq = 1")
    with pytest.raises(PostingRefused, match=r"row 1 of the posting journal was changed .* Nothing was posted"):
        month.post()
    assert len(month.halo.invoices()) == 1


def test_posting_to_another_tenant_is_refused(months: MonthMaker) -> None:
    month = months.make([line("L1")])
    month.prepare()
    month.post()
    month.rows("update posting_journal set halopsa_tenant = 'other'")
    with pytest.raises(PostingRefused, match=r"belongs to HaloPSA .*tenant 'other'"):
        month.post()


def test_what_posting_wrote_tells_the_story(months: MonthMaker) -> None:
    month = months.make([line("L1")])
    month.prepare()
    result = month.post()
    rows = month.rows("select * from posting_journal order by seq")
    assert [row["event"] for row in rows] == ["sending", "posted", "read_back"]
    (plan_hash,) = {row["plan_hash"] for row in rows}
    assert month.rows("select plan_hash from plans where documents > 0") == [{"plan_hash": plan_hash}]
    assert {(row["client"], row["month"], row["run_id"]) for row in rows} == {("acme-dental", "2026-10", "run-1")}
    assert rows[0]["request_digest"]
    assert rows[1]["outcome"] == "as planned"
    assert result.head == journal.JournalHead(3, rows[-1]["row_hash"])
