"""One transaction a piece of work: all of it or nothing."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

import duckdb
import pytest

from billing_pipeline.billing.errors import WarehouseError
from billing_pipeline.resources.warehouse import MOST_BOUND_VALUES, Session, Warehouse


def sells(warehouse: Warehouse) -> list[Decimal]:
    with warehouse.session("ask") as session:
        return [row["sell"] for row in session.rows("select sell from holds order by sell")]


def test_what_was_written_is_there_for_the_next_session(warehouse: Warehouse) -> None:
    with warehouse.session("write") as session:
        session.insert("holds", [{"client": "acme", "sell": Decimal("41.1154")}, {"sell": Decimal("-0.0000000001")}])
    assert sells(warehouse) == [Decimal("-0.0000000001"), Decimal("41.1154")]


@pytest.mark.parametrize("error", [ValueError("bad line"), KeyboardInterrupt()])
def test_a_piece_of_work_that_fails_leaves_the_slice_as_it_was(warehouse: Warehouse, error: BaseException) -> None:
    with warehouse.session("write") as session:
        session.insert("holds", [{"client": "acme", "sell": Decimal(1)}])

    def write_anew(session: Session) -> None:
        session.execute("delete from holds where client = ?", ["acme"])
        session.insert("holds", [{"client": "acme", "sell": Decimal(2)}])
        raise error

    with pytest.raises(type(error)), warehouse.session("write anew") as session:
        write_anew(session)
    assert sells(warehouse) == [Decimal(1)]


def test_a_broken_statement_is_told_with_its_purpose_and_undone(warehouse: Warehouse) -> None:
    told = pytest.raises(WarehouseError, match=r"could not plan 2026-10 in .*billing.duckdb: Catalog Error")
    with told, warehouse.session("plan 2026-10") as session:
        session.execute("insert into holds by name select 1 as sell")
        session.execute("select * from no_such_table")
    assert sells(warehouse) == []


def test_rows_are_written_by_name_and_what_is_left_out_is_null(warehouse: Warehouse) -> None:
    with warehouse.session("write") as session:
        session.insert(
            "raw_invoice_items", [{"start_period": date(2026, 10, 1), "too_precise": ["total"], "line_no": 3}]
        )
        (row,) = session.rows("select line_no, start_period, too_precise, total, unreadable from raw_invoice_items")
    assert row == {
        "line_no": 3,
        "start_period": date(2026, 10, 1),
        "too_precise": ["total"],
        "total": None,
        "unreadable": None,
    }


def test_no_rows_are_no_work(warehouse: Warehouse) -> None:
    with warehouse.session("write") as session:
        session.insert("holds", [])
        session.frame("nothing", {"sell": "DECIMAL(38,18)"}, [])
        assert session.value("select count(*) from nothing") == 0


@pytest.mark.parametrize(
    "value",
    [1.5, "1.50", Decimal("0.0000000000000000001"), Decimal("1e20"), Decimal("1.00000000000000000000000000001")],
)
def test_money_that_is_not_exact_is_refused(warehouse: Warehouse, value: object) -> None:
    refused = pytest.raises(WarehouseError, match=r"Column sell \(DECIMAL\(38,18\)\)")
    with refused, warehouse.session("write") as session:
        session.insert("holds", [{"client": "acme"}, {"sell": value}])
    assert sells(warehouse) == []


def test_a_number_past_64_bits_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match="Column seq"), warehouse.session("write") as session:
        session.insert("posting_journal", [{"seq": 2**70}])


def test_a_column_that_is_not_there_is_named(warehouse: Warehouse) -> None:
    refused = pytest.raises(WarehouseError, match=r"Table holds has no column money, sale\.")
    with refused, warehouse.session("write") as session:
        session.insert("holds", [{"sale": 1, "money": 2}])


def test_text_from_outside_is_bound_and_never_run(warehouse: Warehouse) -> None:
    hostile = "'); drop table holds; --"
    with warehouse.session("write") as session:
        session.insert("holds", [{"client": hostile}])
        session.set_variables(month=hostile)
        assert session.value("select getvariable('month')") == hostile
        assert session.rows("select client from holds where client = ?", [hostile]) == [{"client": hostile}]


def test_a_session_is_closed_even_when_its_work_fails(warehouse: Warehouse) -> None:
    with pytest.raises(ValueError), warehouse.session("fail"):
        raise ValueError
    with duckdb.connect(str(warehouse.path)) as connection:
        assert connection.execute("select count(*) from holds").fetchall() == [(0,)]


def test_a_step_leaves_its_mark_in_the_log(warehouse: Warehouse) -> None:
    with warehouse.session("write") as session:
        session.log_step("normalized_charges", "2026-10", 3, 12, Decimal("0.125"), "run-1")
        (row,) = session.rows("select step, month, clients, row_count, seconds, run_id from step_log")
    assert row == {
        "step": "normalized_charges",
        "month": "2026-10",
        "clients": 3,
        "row_count": 12,
        "seconds": Decimal("0.125"),
        "run_id": "run-1",
    }


SCHEMA = {
    "amount": "DECIMAL(38,18)",
    "seconds": "DECIMAL(18,3)",
    "name": "VARCHAR",
    "number": "BIGINT",
    "small": "INTEGER",
    "yes": "BOOLEAN",
    "day": "DATE",
    "at": "TIMESTAMP",
    "names": "VARCHAR[]",
    "numbers": "BIGINT[]",
}
ROWS = [
    dict.fromkeys(SCHEMA),
    {"amount": Decimal("0"), "name": "", "names": [], "numbers": [], "yes": False, "day": date(1, 1, 1)},
    {"amount": Decimal("0E-10"), "seconds": Decimal("1E+3"), "name": "?", "names": ["a", None, "'"], "yes": True},
    {"amount": Decimal("-0.0000000001"), "seconds": Decimal("-0.001"), "name": "ä 語 \u2028", "small": -(2**31)},
    {"amount": Decimal("999999999999999999.9999999999"), "number": 2**63 - 1, "numbers": [-(2**63)]},
    {
        "amount": Decimal("-12.50"),
        "day": date(9999, 12, 31),
        "at": datetime.fromisoformat("2026-10-05T15:00:00.000001"),
    },
]


def test_few_rows_are_stored_as_many_are(warehouse: Warehouse) -> None:
    times = MOST_BOUND_VALUES // (len(SCHEMA) * len(ROWS)) + 1
    with warehouse.session("compare") as session:
        session.frame("few", SCHEMA, ROWS)
        session.frame("many", SCHEMA, ROWS * times)
        few, many = (
            session.rows("select * from few order by all"),
            session.rows("select distinct * from many order by all"),
        )
        types = [session.rows(f"select name, type from pragma_table_info('{name}')") for name in ("few", "many")]
    assert len(few) == len(ROWS)
    assert few == many
    assert types[0] == types[1]
    assert [{**dict.fromkeys(SCHEMA), **row} for row in ROWS] == sorted(few, key=lambda row: _place(row, ROWS))


def _place(row: dict[str, object], rows: Sequence[Mapping[str, object]]) -> int:
    return next(no for no, one in enumerate(rows) if {**dict.fromkeys(row), **one} == row)
