"""Every table, view and column says what it holds, in the live file and in the published copy."""

from collections.abc import Iterator

import duckdb
import pytest

from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.steps.publish import publish


@pytest.fixture(params=["live", "published"])
def database(request: pytest.FixtureRequest, warehouse: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    """The database, read only."""
    file = warehouse.path if request.param == "live" else publish(warehouse).file
    with duckdb.connect(str(file), read_only=True) as connection:
        yield connection


def test_every_table_and_view_has_a_comment(database: duckdb.DuckDBPyConnection) -> None:
    without = database.execute(
        "select table_name from duckdb_tables() where schema_name = 'main' and coalesce(comment, '') = '' "
        "union all select view_name from duckdb_views() "
        "where schema_name = 'main' and not internal and coalesce(comment, '') = '' order by all"
    ).fetchall()
    assert without == []


def test_every_column_has_a_comment(database: duckdb.DuckDBPyConnection) -> None:
    without = database.execute(
        "select table_name || '.' || column_name from duckdb_columns() "
        "where schema_name = 'main' and not internal and coalesce(comment, '') = '' order by all"
    ).fetchall()
    assert [name for (name,) in without] == []


def test_comments_are_short_sentences(database: duckdb.DuckDBPyConnection) -> None:
    comments = database.execute(
        "select table_name || '.' || column_name, comment from duckdb_columns() "
        "where schema_name = 'main' and not internal"
    ).fetchall()
    assert [name for name, comment in comments if not 5 <= len(comment or "") <= 250] == []
