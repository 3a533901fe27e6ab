"""billing.yaml: what is read, what is refused, and how it is said."""

import hashlib
from decimal import Decimal
from pathlib import Path

import pytest

from billing_pipeline.billing.settings import BillingSettings
from billing_pipeline.settings.load import explain, load_settings
from billing_pipeline_tests.settings.folders import CLIENTS_HEADER, problems_of, write_folder

EXAMPLE = Path(__file__).parents[2] / "config"
ACME = CLIENTS_HEADER + "acme-dental,Acme Dental,246,,,,\n"


def test_the_example_folder_shows_every_key_with_its_built_in_value() -> None:
    loaded = load_settings(EXAMPLE)
    assert loaded.settings == BillingSettings()
    assert loaded.clients == loaded.products == loaded.product_templates == loaded.tax_locations == ()

    def keys_of(model: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
        found = []
        for name in type(model).model_fields:  # type: ignore[attr-defined]
            found.append((*path, name))
            value = getattr(model, name)
            # The charge settings are shown once, under `settings`; the other places refer to it.
            if hasattr(value, "model_fields_set") and not (path and name == "settings"):
                found += keys_of(value, (*path, name))
        return found

    missing = [path for path in keys_of(BillingSettings()) if loaded.origin(path) is None]
    assert missing == []


def test_the_design_of_every_level_is_read(tmp_path: Path) -> None:
    write_folder(
        tmp_path,
        """
time_zone: Europe/Berlin
start_month: 2026-01
settings:
  modifiers: {drop_zero: true, azure_classes: [azure_consumption, azure_commitment]}
  codes: {accounts: "0123", expense: 4192, tax: 3}
integrations:
  pax8: {expected_azure_margin_percent: 12.5, settings: {tax_engine: none}}
  halopsa_contracts: {enabled: true, billing_from: 2026-10, contract_type: 7, item_groups: [Phones, 12]}
clients:
  acme-dental:
    settings: {behaviour: {target: latest}}
    integrations: {pax8: {settings: {codes: {tax: null}}}}
caps: {max_client_total: {USD: 25000, EUR: 1.10}, max_change_percent: 20}
halopsa: {charge_key_field: comment_1}
""",
        clients=ACME,
    )
    settings = load_settings(tmp_path).settings
    assert settings.time_zone == "Europe/Berlin"
    assert settings.start_month == "2026-01"
    assert settings.settings.codes.accounts == "0123"
    assert settings.settings.codes.expense == "4192"
    assert settings.integrations.pax8.expected_azure_margin_percent == Decimal("12.5")
    assert settings.integrations.halopsa_contracts.item_groups == ("Phones", 12)
    assert settings.caps.max_client_total == {"USD": Decimal(25000), "EUR": Decimal("1.10")}
    assert str(settings.caps.max_client_total["EUR"]) == "1.10"
    assert settings.enabled_integrations == ("pax8", "halopsa_contracts")
    assert settings.halopsa.charge_key_field == "comment_1"


def test_an_example_of_flow_style_with_nulls_and_empty_sections_is_all_built_in(tmp_path: Path) -> None:
    write_folder(
        tmp_path,
        """
start_month: 2026-01
settings:
  modifiers: {drop_azure: false, collapse_azure: false, collapse_by: client, drop_favorable_prorata: false,
              drop_zero: false, zero_test: sell_and_cost, azure_classes: [azure_consumption]}
  product_lifecycle: {enabled: true, mode: prompt, item_group: "BillingBot_{integration}"}
  codes: {accounts: null, expense: null, tax: null, item: null}      # text, text, Tax.id, Item.id
integrations:
  pax8: {enabled: true, expected_azure_margin_percent: 10, settings: {}}
  halopsa_contracts: {enabled: false, billing_from: null, contract_type: null,
                      item_groups: [], wait_for: [pax8]}
clients:
  acme-dental: {settings: {behaviour: {target: recurring}}}
caps: {max_invoices: null, max_client_total: {}}
""",
        clients=ACME,
    )
    loaded = load_settings(tmp_path)
    target = loaded.resolve("acme-dental", "pax8").charge.behaviour.target
    assert target == "recurring"
    assert loaded.settings.model_copy(update={"clients": {}}) == BillingSettings()


def test_explain_names_file_and_line_of_the_level_that_won(tmp_path: Path) -> None:
    write_folder(
        tmp_path,
        "settings:\n"
        "  modifiers:\n"
        "    drop_azure: true\n"
        "clients:\n"
        "  acme-dental:\n"
        "    integrations:\n"
        "      pax8:\n"
        "        settings: {modifiers: {drop_zero: true,\n"
        "                               drop_azure: false}}\n",
        clients=ACME,
    )
    loaded = load_settings(tmp_path)
    found = {e.key: (e.value, e.level, e.file, e.line) for e in explain(loaded, "acme-dental", "pax8")}
    file = str(tmp_path / "billing.yaml")
    assert found["modifiers.drop_azure"] == (False, "client_integration", file, 9)
    assert found["modifiers.drop_zero"] == (True, "client_integration", file, 8)
    assert found["tax_engine"] == ("halopsa", "built_in", None, None)
    for_others = {e.key: (e.value, e.level, e.line) for e in explain(loaded, None, "pax8")}
    assert for_others["modifiers.drop_azure"] == (True, "global", 3)
    assert loaded.origin(("settings", "modifiers", "drop_azure")) == (file, 3)
    assert loaded.origin(("settings", "modifiers", "drop_zero")) is None


def test_an_anchor_and_a_merge_key_count_as_written_where_they_are_used(tmp_path: Path) -> None:
    write_folder(
        tmp_path,
        "settings:\n"
        "  modifiers: &quiet\n"
        "    drop_zero: true\n"
        "    drop_azure: true\n"
        "clients:\n"
        "  acme-dental:\n"
        "    settings:\n"
        "      modifiers:\n"
        "        <<: *quiet\n"
        "        drop_azure: false\n",
        clients=ACME,
    )
    loaded = load_settings(tmp_path)
    charge = loaded.resolve("acme-dental", "pax8").charge
    assert (charge.modifiers.drop_zero, charge.modifiers.drop_azure) == (True, False)
    place = ("clients", "acme-dental", "settings", "modifiers")
    assert loaded.origin((*place, "drop_zero")) == (str(tmp_path / "billing.yaml"), 3)
    assert loaded.origin((*place, "drop_azure")) == (str(tmp_path / "billing.yaml"), 10)


@pytest.mark.parametrize(
    ("yaml", "problem"),
    [
        (
            "settings:\n  modifiers: {drop_azur: true}",
            "billing.yaml:2: settings.modifiers.drop_azur: unknown key here; the nearest known one is drop_azure",
        ),
        (
            "releaseday: 4",
            "billing.yaml:1: releaseday: unknown key here; the nearest known one is release_day",
        ),
        (
            "settings:\n  drop_zero: true",
            "billing.yaml:2: settings.drop_zero: unknown key here; it is known at modifiers.drop_zero",
        ),
        (
            "caps:\n  qqq: 1",
            "billing.yaml:2: caps.qqq: unknown key here; known are: max_invoices, max_change_percent, "
            "min_change_amount, max_client_total, first_invoice, negative_invoice",
        ),
        (
            "settings: {behaviour: {target: [new, latest]}}",
            "billing.yaml:1: settings.behaviour.target: takes one value, not a list: "
            "choose one of new, latest, recurring",
        ),
        (
            "settings:\n  behaviour:\n    target: new\n    target: latest",
            "billing.yaml:4: settings.behaviour.target: this key stands twice, first on line 3",
        ),
        (
            "settings: {modifiers: {azure_classes: [azure_consumtion]}}",
            "billing.yaml:1: settings.modifiers.azure_classes.0: the text 'azure_consumtion' is not one of "
            "azure_consumption, azure_commitment, other_arrears (nearest: azure_consumption)",
        ),
        (
            "settings: {modifiers: {drop_zero: yes}}",
            "billing.yaml:1: settings.modifiers.drop_zero: true or false expected, not the text 'yes'",
        ),
        (
            "settings: {modifiers: {drop_zero: null}}",
            "billing.yaml:1: settings.modifiers.drop_zero: cannot be null here: "
            "remove the key to inherit it, or write a value",
        ),
        (
            "settings: {codes: null}",
            "billing.yaml:1: settings.codes: a section cannot be null: give it keys, write {}, or remove it",
        ),
        (
            "start_month: 2026-01-01",
            "billing.yaml:1: start_month: '2026-01-01' is no month: write YYYY-MM, as in 2026-01",
        ),
        (
            "start_month: 2026-13",
            "billing.yaml:1: start_month: '2026-13' is no month: write YYYY-MM, as in 2026-01",
        ),
        (
            "time_zone: America/Denvar",
            "billing.yaml:1: time_zone: 'America/Denvar' is no time zone: "
            "write a name of the IANA list, as in America/Denver",
        ),
        ("release_day: 29", "billing.yaml:1: release_day: 28 or less expected, not 29"),
        ("release_day: 04", "billing.yaml:1: release_day: a whole number expected, not the text '04'"),
        (
            "release_day: 9",
            "billing.yaml:1: release_day: late_after_day 7 lies before release_day 9: "
            "set both, for an invoice cannot be late before it is looked for",
        ),
        (
            "caps: {max_change_percent: -1}",
            "billing.yaml:1: caps.max_change_percent: 0 or more expected, not -1",
        ),
        (
            "caps: {min_change_amount: 1e3}",
            "billing.yaml:1: caps.min_change_amount: a number expected, not the text '1e3'",
        ),
        (
            "caps: {max_client_total: {usd: 1}}",
            "billing.yaml:1: caps.max_client_total.usd: 'usd' is no currency code: "
            "write three capitals (ISO 4217), as in USD",
        ),
        (
            "settings: {codes: {accounts: true}}",
            "billing.yaml:1: settings.codes.accounts: text expected, not true",
        ),
        (
            'settings: {line_text: {short: "{prodct}"}}',
            "billing.yaml:1: settings.line_text.short: {prodct} is no placeholder; the nearest known one is {product}",
        ),
        (
            'settings: {line_text: {short: " "}}',
            "billing.yaml:1: settings.line_text.short: the template is empty: HaloPSA needs a text on every line, "
            "as in {title}",
        ),
        (
            'settings: {codes: {accounts: ""}}',
            "billing.yaml:1: settings.codes.accounts: the code is empty: write a code, or null for none",
        ),
        (
            "settings: {product_lifecycle: {item_group: '{0.__class__}'}}",
            "billing.yaml:1: settings.product_lifecycle.item_group: '{0.__class__}': "
            "{integration} is the only placeholder that a product group may hold",
        ),
        (
            "integrations:\n  halopsa_contracts:\n    enabled: true",
            "billing.yaml:2: integrations.halopsa_contracts: billing_from is missing: without a first month "
            "every past month of every contract would be billed; write billing_from: YYYY-MM",
        ),
        ("- a\n- b", "billing.yaml:1: keys and values expected, as in time_zone: America/Denver"),
        (
            "mode: !!python/object:os.system x",
            "tag:yaml.org,2002:python/object:os.system is no tag for settings",
        ),
        ("settings: &a {modifiers: *a}", "billing.yaml:1: settings.modifiers: an anchor that holds itself"),
        ("a: 1\n  b: 2", "billing.yaml:2: this is not YAML: mapping values are not allowed here"),
        ("mode: manual\n---\nmode: manual", "billing.yaml:2: this is not YAML: expected a single document"),
        ("time_zone: \x07", "billing.yaml:1: a character that YAML does not allow (code 7)"),
        ("a: " + "[" * 5000, "nested too deep to be settings"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_place_and_the_next_step(tmp_path: Path, yaml: str, problem: str) -> None:
    problems = problems_of(write_folder(tmp_path, yaml))
    assert any(problem in line for line in problems), problems
    assert len(problems) == 1, problems


def test_an_unknown_key_is_told_without_its_value_for_it_may_be_a_secret(tmp_path: Path) -> None:
    problems = problems_of(write_folder(tmp_path, "pax8:\n  client_secret: hunter2"))
    assert "pax8.client_secret" in problems[0]
    assert "hunter2" not in problems[0]


def test_all_problems_of_all_files_come_in_one_error(tmp_path: Path) -> None:
    write_folder(
        tmp_path,
        "mode: auto\nclients:\n  acne: {}\n  Acme Dental: {}\nrelease: 4\n",
        clients=CLIENTS_HEADER + "acme,Acme,abc,,,,\n",
        products="integration,product_id,sku,term\n",
    )
    assert problems_of(tmp_path) == [
        "billing.yaml:1: mode: the text 'auto' is not one of manual, automatic (nearest: automatic)",
        "billing.yaml:3: clients.acne: no row of clients.csv has this client; the nearest known one is acme",
        "billing.yaml:4: clients.Acme Dental: 'Acme Dental' is no client key: use small letters, digits and "
        "hyphens, at most 63, and begin with a letter or a digit",
        "billing.yaml:4: clients.Acme Dental: no row of clients.csv has this client; add its row, or remove it here",
        "billing.yaml:5: release: unknown key here; the nearest known one is release_day",
        "clients.csv:2: halopsa_client_id: 'abc' is no id: write a whole number above 0",
        "products.csv:1: column halopsa_item_id is missing; "
        "the header is integration,product_id,sku,term,halopsa_item_id",
    ]


def test_a_problem_is_one_line_even_when_its_key_is_not(tmp_path: Path) -> None:
    problems = problems_of(write_folder(tmp_path, '"mo\\nde": manual'))
    assert problems == ["billing.yaml:1: mo\\nde: unknown key here; the nearest known one is mode"]


def test_an_empty_file_means_all_built_ins(tmp_path: Path) -> None:
    loaded = load_settings(write_folder(tmp_path, "# nothing yet\n"))
    assert loaded.settings == BillingSettings()
    assert set(loaded.digests) == {"billing.yaml"}


def test_a_missing_file_or_folder_says_how_to_make_one(tmp_path: Path) -> None:
    assert problems_of(tmp_path) == [
        "billing.yaml: is missing: copy config/billing.yaml; an empty file means the built-in value of every key"
    ]
    (tmp_path / "billing.yml").write_text("")
    assert "rename billing.yml to it" in problems_of(tmp_path)[0]
    assert "set BILLING_CONFIG" in problems_of(tmp_path / "nowhere")[0]


def test_bytes_that_are_not_utf_8_are_named_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "billing.yaml").write_bytes(b"mode: manual\n# caf\xe9\n")
    assert problems_of(tmp_path) == ["billing.yaml:2: the file is not UTF-8 from here on: save it as UTF-8"]


def test_anchors_that_unfold_without_end_are_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    problems = problems_of(write_folder(tmp_path, "\n".join(lines)))
    assert any("unfold to more than settings can be" in line for line in problems)


def test_digests_are_those_of_the_bytes(tmp_path: Path) -> None:
    loaded = load_settings(write_folder(tmp_path, "mode: manual\n", clients=ACME))
    assert loaded.digests == {
        "billing.yaml": hashlib.sha256(b"mode: manual\n").hexdigest(),
        "clients.csv": hashlib.sha256(ACME.encode()).hexdigest(),
    }
