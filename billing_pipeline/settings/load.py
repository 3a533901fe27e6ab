"""Reads the settings folder: `billing.yaml` and the CSV files beside it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.billing.mapping_rows import (
    ClientRow,
    LineDecisionRow,
    ProductRow,
    ProductTemplateRow,
    TaxLocationRow,
)
from billing_pipeline.billing.setting_types import Level
from billing_pipeline.billing.settings import BillingSettings
from billing_pipeline.billing.settings_resolution import Resolved, level_path, resolve
from billing_pipeline.settings.cross_checks import check_clients, check_combinations
from billing_pipeline.settings.csv_files import CsvRow, read_rows
from billing_pipeline.settings.mapping_files import (
    COLUMNS,
    PROPOSED_COLUMNS,
    read_clients,
    read_line_decisions,
    read_product_templates,
    read_products,
    read_tax_locations,
)
from billing_pipeline.settings.nearest import find_nearest
from billing_pipeline.settings.problems import KeyPath, Problem, raise_problems
from billing_pipeline.settings.yaml_file import read_yaml
from billing_pipeline.settings.yaml_problems import describe, find_line

YAML_NAME = "billing.yaml"


@dataclass(frozen=True)
class LoadedSettings:
    """The settings of one folder, checked as a whole.

    `contents` are the bytes of each file there is, by name, and `digests` their sha256.
    """

    folder: Path
    settings: BillingSettings
    clients: tuple[ClientRow, ...] = ()
    products: tuple[ProductRow, ...] = ()
    product_templates: tuple[ProductTemplateRow, ...] = ()
    tax_locations: tuple[TaxLocationRow, ...] = ()
    line_decisions: tuple[LineDecisionRow, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[KeyPath, int] = field(default_factory=dict, repr=False)
    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    _resolved: dict[tuple[str | None, str], Resolved] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def origin(self, path: KeyPath) -> tuple[str, int] | None:
        """Return (file, line) of a key in `billing.yaml`, as in ("settings", "codes"); None if not there."""
        line = self.lines.get(path)
        return None if line is None else (str(self.folder / YAML_NAME), line)

    def resolve(self, client: str | None, integration: str) -> Resolved:
        """Return what counts for a client and an integration."""
        # Clients without settings of their own, which are nearly all, share one answer.
        key = (client if client in self.settings.clients else None, integration)
        if key not in self._resolved:
            self._resolved[key] = resolve(self.settings, *key)
        return self._resolved[key]


@dataclass(frozen=True)
class ExplainedSetting:
    """One resolved setting and where it comes from; file and line are None for a built-in value."""

    key: str
    value: Any
    level: Level
    file: str | None
    line: int | None


def explain(loaded: LoadedSettings, client: str | None, integration: str) -> list[ExplainedSetting]:
    """Return every charge setting of a client and integration, in the order of the settings file."""
    explained = []
    for key, value, level in loaded.resolve(client, integration).values():
        place = level_path(level, client, integration)
        origin = None if place is None else loaded.origin((*place, *key.split(".")))
        file, line = origin if origin is not None else (None, None)
        explained.append(ExplainedSetting(key, value, level, file, line))
    return explained


def load_settings(folder: Path) -> LoadedSettings:
    """Read and check all files of the folder. CSV files that are missing are empty ones.

    Raises SettingsError with all problems of all files, one a line, each with file, line and key.
    """
    contents = _read_folder(folder)
    problems: list[Problem] = []
    rows = {
        name: read_rows(str(folder / name), contents[name], columns, problems, PROPOSED_COLUMNS.get(name, ()))
        if name in contents
        else []
        for name, columns in COLUMNS.items()
    }
    _check_names(folder, contents, problems)
    clients = read_clients(rows["clients.csv"])
    products = read_products(rows["products.csv"])
    product_templates = read_product_templates(rows["product_templates.csv"])
    tax_locations = read_tax_locations(rows["tax_locations.csv"])
    # Keys of rows with another problem count as known: one mistake is told once.
    client_keys = {row.cells["client"] for row in rows["clients.csv"]}
    line_decisions = read_line_decisions(rows["line_decisions.csv"], client_keys)
    settings, lines = _read_settings(folder / YAML_NAME, contents[YAML_NAME], rows["clients.csv"], problems)
    raise_problems(problems)
    return LoadedSettings(
        folder=folder,
        settings=settings,
        clients=clients,
        products=products,
        product_templates=product_templates,
        tax_locations=tax_locations,
        line_decisions=line_decisions,
        digests={name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
        lines=lines,
        contents=contents,
    )


def _read_folder(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():
        raise SettingsError(
            f"{folder}: there is no such settings folder: set BILLING_CONFIG to yours, "
            "or copy the example folder config/ of this project"
        )
    contents: dict[str, bytes] = {}
    problems = []
    for name in (YAML_NAME, *COLUMNS):
        try:
            contents[name] = (folder / name).read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append(Problem(str(folder / name), None, "", f"cannot be read: {error.strerror}"))
    raise_problems(problems)
    if YAML_NAME not in contents:
        hint = "rename billing.yml to it" if (folder / "billing.yml").exists() else "copy config/billing.yaml"
        raise SettingsError(
            f"{folder / YAML_NAME}: is missing: {hint}; an empty file means the built-in value of every key"
        )
    return contents


def _check_names(folder: Path, contents: Mapping[str, bytes], problems: list[Problem]) -> None:
    """A CSV file under a mistyped name would be an empty one, and nobody would know."""
    missing = [name for name in COLUMNS if name not in contents]
    for path in sorted(folder.glob("*.[cC][sS][vV]")):
        meant = find_nearest(path.name, missing, at_least=85) if path.name not in COLUMNS else None
        if meant is not None:
            problems.append(Problem(str(path), None, "", f"unknown file: rename it to {meant}, or remove it"))


def _read_settings(
    path: Path, content: bytes, client_rows: list[CsvRow], problems: list[Problem]
) -> tuple[BillingSettings, Mapping[KeyPath, int]]:
    read = read_yaml(str(path), content)
    problems += read.problems
    if not isinstance(read.values, dict):
        problems.append(Problem(str(path), 1, "", "keys and values expected, as in time_zone: America/Denver"))
        return BillingSettings(), read.lines

    def complain(where: KeyPath, text: str) -> None:
        problems.append(Problem(str(path), find_line(read.lines, where), ".".join(where), text))

    # Keys of rows with another problem count as known: one mistake is told once.
    check_clients(read.values, {row.cells["client"] for row in client_rows}, complain)
    try:
        settings = BillingSettings.model_validate(read.values)
    except ValidationError as error:
        told = {(problem.line, problem.where) for problem in read.problems}
        found = describe(error, BillingSettings, str(path), read.lines)
        problems += [problem for problem in found if (problem.line, problem.where) not in told]
        return BillingSettings(), read.lines
    check_combinations(settings, complain)
    return settings, read.lines
