"""What DuckDB's errors mean for the database file, and what to do: never advice that would lose the journal.

The file holds the only record of what was posted. An older copy in its place knows nothing of what came after it, so
a text names one only where the file itself is surely unreadable, and always asks to keep what is there first.
"""

from dataclasses import dataclass
from pathlib import Path

from billing_pipeline.billing.errors import WarehouseError, WarehouseLocked

STORAGE_VERSION = "v1.2.0"
"""The file format of the live and the published database: DuckDB 1.2 and all later ones read and write it.

Left alone, DuckDB 2 would make files that 1.5 cannot open, and 1.5 files that are half as large again.
"""

_OPEN_ELSEWHERE = ("lock on file", "being used by another process")
# "… version number 69, but we can only read versions between 64 and 68", of a newer file or a very old one.
_OTHER_FORMAT = ("we can only read",)
_NO_RIGHTS = ("permission denied", "read-only", "read only")
_DISK_FULL = ("no space left", "disk full", "could not write", "max_temp_directory_size")
_WRONG_PLACE = ("is a directory", "not a directory", "no such file or directory")
_DAMAGED = (
    "corrupt",
    "not a valid duckdb database",
    "could not read enough bytes",
    "failure while replaying wal",
    "serialization error",
)


def is_open_elsewhere(text: str) -> bool:
    """Whether DuckDB says that another program has the file open."""
    return _says(text, _OPEN_ELSEWHERE)


@dataclass(frozen=True)
class DatabaseFile:
    """The file that was used: its copy that analysts read, the DuckDB that runs here, and how long it waits."""

    path: Path
    published: Path
    duckdb_version: str
    lock_wait_seconds: float


def describe_trouble(text: str, file: DatabaseFile, purpose: str) -> WarehouseError:
    """The error to raise for DuckDB's `text` when it failed to do `purpose` in `file`."""
    first, path = _first_line(text), file.path
    if is_open_elsewhere(text):
        return WarehouseLocked(
            f"{path} is open in another program, so the pipeline cannot {purpose}: {first} "
            f"Waited {file.lock_wait_seconds:g} seconds. "
            f"Close it there (analysts read {file.published}), then run this again."
        )
    if _says(text, _OTHER_FORMAT):
        return WarehouseError(_describe_other_format(file))
    if _says(text, _NO_RIGHTS):
        return WarehouseError(
            f"The pipeline may not {purpose} in {path}: {first} Nothing of this step was kept. "
            f"Give this user the right to write {path} and {path.parent}, then run this again."
        )
    if _says(text, _DISK_FULL):
        return WarehouseError(
            f"The disk is full: the pipeline could not {purpose} in {path}. Nothing of this step was "
            f"kept. Free some space, then run this again. ({first})"
        )
    if _says(text, _DAMAGED):
        return WarehouseError(_describe_damage(first, file))
    if _says(text, _WRONG_PLACE):
        return WarehouseError(
            f"{path} cannot be opened: {first} Nothing was changed. Correct BILLING_WAREHOUSE, which must name "
            "the pipeline's database file, then run this again."
        )
    return WarehouseError(
        f"The pipeline could not {purpose} in {path}: {text.strip()} Nothing of this step was kept, what was kept "
        "before it is there. Run this again; if it fails again, keep the file as it is, and report this text."
    )


def read_maker(path: Path) -> str | None:
    """The DuckDB that made the file, such as "2.0.1"; None where the file does not say."""
    try:
        with path.open("rb") as file:
            header = file.read(84)
    except OSError:
        return None
    # A checksum of 8 bytes, "DUCK", the format's number and four flags of 8 bytes, then 32 bytes of text.
    if len(header) < 84 or header[8:12] != b"DUCK":
        return None
    version = header[52:84].split(b"\x00", 1)[0].decode("ascii", errors="replace").removeprefix("v")
    return version if version.replace(".", "").isdigit() else None


def _describe_other_format(file: DatabaseFile) -> str:
    maker, here = read_maker(file.path), file.duckdb_version
    named = f"DuckDB {maker}" if maker else "another DuckDB"
    install = f" (pip install duckdb=={maker})" if maker else ""
    return (
        f"{file.path} was made by {named}, in a format that DuckDB {here}, which runs here, cannot read. The file is "
        "not damaged, and nothing was changed. Do not put a backup in its place: it would lack what was posted since. "
        f"Run the pipeline with {named}{install}. To come back to DuckDB {here}, run billing-pipeline publish there, "
        f"which writes {file.published} in a format for both; then move {file.path} aside, keep it, and put that copy "
        "in its place before anything else is run."
    )


def _describe_damage(first: str, file: DatabaseFile) -> str:
    copy = f"{file.published} or a backup, whichever is newer," if file.published.is_file() else "the newest backup"
    return (
        f"{file.path} cannot be read: {first} It is damaged, or no DuckDB file. It was left as it is. If it is not "
        f"your database, correct BILLING_WAREHOUSE. If it is, first move it and {file.path.name}.wal (where there is "
        "one) to a safe place, and delete neither: only they hold what was posted since the newest copy. Then put "
        f"{copy} in its place. "
        "Run billing-pipeline verify MONTH for each month that was posted since, before you post again."
    )


def _says(text: str, phrases: tuple[str, ...]) -> bool:
    lowered = text.lower()
    return any(phrase in lowered for phrase in phrases)


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no details."
