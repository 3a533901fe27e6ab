"""Settings folders for tests, written to disk as a person would write them."""

from pathlib import Path

import pytest

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.settings.load import load_settings

CLIENTS_HEADER = "client,name,halopsa_client_id,pax8_company_id,excluded,recurring_invoice_id,contract_id\n"
PRODUCTS_HEADER = "integration,product_id,sku,term,halopsa_item_id\n"


def write_folder(folder: Path, yaml: str = "", **csv_files: str) -> Path:
    """Write billing.yaml and CSV files (by name without .csv) and return the folder."""
    (folder / "billing.yaml").write_text(yaml, encoding="utf-8")
    for name, text in csv_files.items():
        (folder / f"{name}.csv").write_bytes(text.encode("utf-8"))
    return folder


def problems_of(folder: Path) -> list[str]:
    """Load the folder, which must fail, and return its problems without the folder's own path."""
    with pytest.raises(SettingsError) as caught:
        load_settings(folder)
    assert caught.value.exit_code == 2
    return [line.removeprefix(f"{folder}/") for line in str(caught.value).splitlines()]
