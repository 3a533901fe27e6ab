"""Rows as Arrow tables, exactly: a value that its column would change is refused."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from billing_pipeline.billing.errors import WarehouseError

_ARROW_TYPES: Mapping[str, pa.DataType] = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "DECIMAL(38,18)": pa.decimal128(38, 18),
    "DECIMAL(18,3)": pa.decimal128(18, 3),
    "VARCHAR[]": pa.list_(pa.string()),
    "BIGINT[]": pa.list_(pa.int64()),
}


def arrow_table(schema: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """`rows` with the columns of `schema`, which maps each to its DuckDB type; what a row leaves out is null.

    Raises WarehouseError that names the column where a value does not fit as it is.
    """
    arrays, fields = [], []
    for name, kind in schema.items():
        arrow_type = _ARROW_TYPES[kind]
        try:
            arrays.append(pa.array([row.get(name) for row in rows], arrow_type))
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            raise WarehouseError(f"Column {name} ({kind}) cannot hold a value: {error}") from error
        fields.append(pa.field(name, arrow_type))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))
