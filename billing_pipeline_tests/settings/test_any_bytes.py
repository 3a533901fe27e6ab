"""Whatever stands in a settings file, it is read or refused with SettingsError, and never crashes."""

import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.settings.environment import load_environment
from billing_pipeline.settings.load import load_settings
from billing_pipeline_tests.settings.folders import CLIENTS_HEADER

YAML_PIECES = [
    "mode",
    "settings",
    "clients",
    "caps",
    "time_zone",
    "modifiers",
    ": ",
    "\n",
    "\n  ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "&a ",
    "*a",
    "<<: ",
    "null",
    "true",
    "0123",
    "1.50",
    "1e400",
    ".nan",
    "2026-01-01",
    "12:30:00",
    "!!int ",
    "!!binary ",
    "!!set ",
    "!x ",
    "? ",
    "|\n",
    "'",
    '"',
    "\\",
    "#",
    "\t",
    "\x00",
    "\x85",
    "\ufeff",
    "é",
    "---\n",
    "%YAML 1.2\n",
    "../..",
]
CSV_PIECES = [
    "acme",
    "Acme",
    "246",
    "-1",
    "true",
    ",",
    ",,",
    "\n",
    "\r\n",
    "\r",
    '"',
    ";",
    "\x00",
    "\ufeff",
    "é",
    "²",
]


def pieces(of: list[str]) -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from(of), max_size=30).map(lambda parts: "".join(parts).encode())


@settings(deadline=None, max_examples=300)
@given(yaml=pieces(YAML_PIECES) | st.binary(max_size=40), csv=pieces(CSV_PIECES) | st.binary(max_size=40))
def test_a_settings_folder_is_read_or_refused(yaml: bytes, csv: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "billing.yaml").write_bytes(yaml)
        (folder / "clients.csv").write_bytes(CLIENTS_HEADER.encode() + csv)
        with suppress(SettingsError):
            load_settings(folder)


ENV_PIECES = [
    "PAX8_BASE_URL",
    "BILLING_NOW",
    "=",
    "\n",
    "'",
    '"',
    "$",
    "{",
    "http://",
    "[::",
    "]",
    "\x00",
    "\\",
    " ",
]


@settings(deadline=None)
@given(dotenv=pieces(ENV_PIECES) | st.binary(max_size=40), value=st.text(max_size=20))
def test_an_environment_is_read_or_refused(dotenv: bytes, value: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / ".env"
        path.write_bytes(dotenv)
        with suppress(SettingsError):
            load_environment({"PAX8_TOKEN_URL": value, "BILLING_NOW": value}, path)
        with suppress(SettingsError):
            load_environment({"PAX8_BASE_URL": f"http://{value}/v1"}, path)
