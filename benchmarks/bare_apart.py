"""The same month in bare DuckDB SQL, in this process."""

from pathlib import Path
from time import perf_counter

import duckdb

from benchmarks.apart import answer, processor_seconds, read_order


def main() -> None:
    order = read_order()
    started, processor_started = perf_counter(), processor_seconds()
    with duckdb.connect(order["warehouse"]) as connection:
        for name in ("month", "config", "resolved"):
            connection.execute(f"set variable {name} = ?", [order[name]])
        connection.execute(Path(__file__).with_name("bare.sql").read_text(encoding="utf-8"))
    # Closing the file writes it to the disk, as the pipeline does too.
    answer(seconds={"all": perf_counter() - started}, processor_seconds=processor_seconds() - processor_started)


if __name__ == "__main__":
    main()
