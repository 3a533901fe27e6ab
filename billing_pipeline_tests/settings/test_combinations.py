"""Settings that are right one by one and wrong together are refused at the key that has to change."""

from pathlib import Path

import pytest

from billing_pipeline.settings.load import load_settings
from billing_pipeline_tests.settings.folders import CLIENTS_HEADER, problems_of, write_folder

CLIENTS = CLIENTS_HEADER + "acme,Acme,1,,,,\nbeta,Beta,2,,,,\n"
CREATE = "settings: {product_lifecycle: {mode: create}}\n"
CONTRACTS_ON = "integrations: {halopsa_contracts: {enabled: true, billing_from: 2026-10}}\n"


@pytest.mark.parametrize(
    ("yaml", "place"),
    [
        ("mode: automatic\n", "billing.yaml:1: mode: the built-in product_lifecycle.mode is prompt"),
        (
            "mode: automatic\nsettings:\n  product_lifecycle: {mode: prompt}\n",
            "billing.yaml:3: settings.product_lifecycle.mode: prompt waits for a person",
        ),
        (
            "mode: automatic\n" + CREATE + "integrations:\n  pax8:\n    settings:\n"
            "      product_lifecycle:\n        mode: prompt\n",
            "billing.yaml:7: integrations.pax8.settings.product_lifecycle.mode: prompt waits for a person",
        ),
        (
            "mode: automatic\n" + CREATE + "clients:\n  acme: {settings: {product_lifecycle: {mode: prompt}}}\n",
            "billing.yaml:4: clients.acme.settings.product_lifecycle.mode: prompt waits for a person",
        ),
        (
            "mode: automatic\n" + CREATE + "clients:\n"
            "  acme: {integrations: {pax8: {settings: {product_lifecycle: {mode: prompt}}}}}\n",
            "billing.yaml:4: clients.acme.integrations.pax8.settings.product_lifecycle.mode: prompt waits",
        ),
    ],
)
def test_prompt_in_automatic_mode_is_refused_on_every_level(tmp_path: Path, yaml: str, place: str) -> None:
    problems = problems_of(write_folder(tmp_path, yaml, clients=CLIENTS))
    assert len(problems) == 1
    assert problems[0].startswith(place)
    assert "set product_lifecycle.mode to default_item or create, or mode to manual" in problems[0]


@pytest.mark.parametrize(
    "yaml",
    [
        "mode: automatic\n" + CREATE,
        "mode: automatic\nsettings: {product_lifecycle: {enabled: false}}\n",
        "mode: automatic\nintegrations: {pax8: {settings: {product_lifecycle: {mode: default_item}}}}\n",
        "mode: automatic\n" + CREATE + "clients: {acme: {settings: {product_lifecycle: {mode: default_item}}}}\n",
        "mode: manual\nsettings: {product_lifecycle: {mode: prompt}}\n",
    ],
)
def test_automatic_mode_is_fine_where_nobody_is_prompted(tmp_path: Path, yaml: str) -> None:
    load_settings(write_folder(tmp_path, yaml, clients=CLIENTS))


def test_a_prompt_that_contracts_would_inherit_counts_once_they_are_on(tmp_path: Path) -> None:
    pax8_creates = "  pax8: {settings: {product_lifecycle: {mode: create}}}\n"
    yaml = "mode: automatic\nintegrations:\n" + pax8_creates
    load_settings(write_folder(tmp_path, yaml))
    write_folder(tmp_path, yaml + "  halopsa_contracts: {enabled: true, billing_from: 2026-10}\n")
    assert problems_of(tmp_path)[0].startswith("billing.yaml:1: mode: the built-in product_lifecycle.mode is prompt")


@pytest.mark.parametrize(
    ("yaml", "place"),
    [
        (
            "integrations:\n  halopsa_contracts: {settings: {behaviour: {target: recurring}}}\n",
            "billing.yaml:2: integrations.halopsa_contracts.settings.behaviour.target: ",
        ),
        (
            "clients:\n  acme:\n    integrations:\n"
            "      halopsa_contracts: {settings: {behaviour: {target: recurring}}}\n",
            "billing.yaml:4: clients.acme.integrations.halopsa_contracts.settings.behaviour.target: ",
        ),
        (
            CONTRACTS_ON + "settings:\n  behaviour: {target: recurring}\n",
            "billing.yaml:3: settings.behaviour.target: ",
        ),
        (
            CONTRACTS_ON + "clients:\n  acme: {settings: {behaviour: {target: recurring}}}\n",
            "billing.yaml:3: clients.acme.settings.behaviour.target: ",
        ),
    ],
)
def test_contracts_on_a_recurring_invoice_are_refused_on_every_level(tmp_path: Path, yaml: str, place: str) -> None:
    problems = problems_of(write_folder(tmp_path, yaml, clients=CLIENTS))
    assert len(problems) == 1
    assert problems[0].startswith(place + "halopsa_contracts cannot land on a recurring invoice")


@pytest.mark.parametrize(
    "yaml",
    [
        "settings: {behaviour: {target: recurring}}\n",
        "clients: {acme: {settings: {behaviour: {target: recurring}}}}\n",
        "settings: {behaviour: {target: recurring}}\n"
        "integrations: {halopsa_contracts: {enabled: true, billing_from: 2026-10,"
        " settings: {behaviour: {target: new}}}}\n",
    ],
)
def test_recurring_is_fine_while_contracts_do_not_get_it(tmp_path: Path, yaml: str) -> None:
    load_settings(write_folder(tmp_path, yaml, clients=CLIENTS))


def test_overrides_of_a_client_that_no_row_has_are_refused(tmp_path: Path) -> None:
    problems = problems_of(write_folder(tmp_path, "clients:\n  acmee: {}\n", clients=CLIENTS))
    assert problems == [
        "billing.yaml:2: clients.acmee: no row of clients.csv has this client; the nearest known one is acme"
    ]
    problems = problems_of(write_folder(tmp_path, "clients:\n  zzzz: {}\n", clients=CLIENTS))
    assert problems == [
        "billing.yaml:2: clients.zzzz: no row of clients.csv has this client; add its row, or remove it here"
    ]
