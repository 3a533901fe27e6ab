"""The demo's own folder: settings, database, Dagster's instance, and the state of its sandbox."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from billing_pipeline.billing.errors import BillingPipelineError, SettingsError, WarehouseLocked
from billing_pipeline.resources.file_lock import describe_holder, hold_lock
from billing_pipeline.settings.environment import VARIABLES, Environment, load_environment

_MARKER = "demo.json"


class DemoInUse(BillingPipelineError):
    """Another process uses the demo's folder."""


class NoDemoYet(BillingPipelineError):
    """The demo did not run to its end in this folder."""


@dataclass(frozen=True)
class Ports:
    """The ports of the demo's Pax8 and HaloPSA. They stay, for the journal knows HaloPSA by its address."""

    pax8: int
    halopsa: int


@dataclass(frozen=True)
class DemoFolder:
    """The folder at `path`, which is absolute."""

    path: Path

    @property
    def config(self) -> Path:
        """The demo's settings folder."""
        return self.path / "config"

    @property
    def warehouse(self) -> Path:
        """The demo's live database."""
        return self.path / "billing.duckdb"

    @property
    def published(self) -> Path:
        """The database for analysts."""
        return self.path / "published" / "billing.duckdb"

    @property
    def dagster_home(self) -> Path:
        """The demo's Dagster instance."""
        return self.path / "dagster"

    @property
    def state_file(self) -> Path:
        """What Pax8 and HaloPSA hold."""
        return self.path / "sandbox.json"

    @contextmanager
    def hold(self, purpose: str) -> Iterator[None]:
        """Keep every other process out of the folder. Raises DemoInUse that names the one that is in."""
        # Beside the folder, for resetting the folder must not take the lock away.
        lock_file = self.path.with_name(self.path.name + ".lock")
        with ExitStack() as held:
            try:
                held.enter_context(hold_lock(lock_file, purpose, wait_seconds=0))
            except WarehouseLocked:
                raise DemoInUse(
                    f"The demo folder {self.path} is in use by {describe_holder(lock_file)}. Nothing was changed. "
                    "Wait until it is done, or stop it there with Ctrl-C, then run this again."
                ) from None
            yield

    def reset(self, config: Mapping[str, str]) -> None:
        """Make the folder new, with these settings files in it. Raises SettingsError for a folder that is no demo's."""
        if self.path.exists():
            self._refuse_foreign()
            shutil.rmtree(self.path)
        self.config.mkdir(parents=True)
        self._write_marker({})
        for name, text in config.items():
            (self.config / name).write_text(text, encoding="utf-8")

    def save_ports(self, ports: Ports) -> None:
        """Note that the demo ran to its end, and on which ports."""
        self._write_marker(vars(ports))

    def read_ports(self) -> Ports:
        """The ports of the last demo. Raises NoDemoYet where none ran to its end."""
        try:
            kept = json.loads((self.path / _MARKER).read_text(encoding="utf-8"))
            return Ports(int(kept["pax8"]), int(kept["halopsa"]))
        except (OSError, ValueError, KeyError, TypeError):
            raise NoDemoYet(
                f"No demo ran to its end in {self.path} yet: run make run, or billing-pipeline demo."
            ) from None

    @property
    def is_finished(self) -> bool:
        """Whether a demo ran to its end here."""
        try:
            self.read_ports()
        except NoDemoYet:
            return False
        return True

    def variables(self, services: Mapping[str, str], now: str) -> dict[str, str]:
        """Every variable that the pipeline reads: the demo's value, or empty, so that no other one counts."""
        return {
            **dict.fromkeys(VARIABLES, ""),
            **services,
            "BILLING_CONFIG": str(self.config),
            "BILLING_WAREHOUSE": str(self.warehouse),
            "BILLING_NOW": now,
            "DAGSTER_HOME": str(self.dagster_home),
        }

    def environment(self, services: Mapping[str, str], now: str) -> Environment:
        """The same as the pipeline reads it; neither `.env` nor the process's own variables count."""
        return load_environment(self.variables(services, now), None)

    def _write_marker(self, content: Mapping[str, int]) -> None:
        (self.path / _MARKER).write_text(json.dumps(content) + "\n", encoding="utf-8")

    def _refuse_foreign(self) -> None:
        if self.path.is_symlink() or not self.path.is_dir():
            raise SettingsError(f"{self.path} is no folder: the demo needs one of its own. Choose another --folder.")
        if any(self.path.iterdir()) and not (self.path / _MARKER).is_file():
            raise SettingsError(
                f"{self.path} holds files that are not the demo's, and the demo makes its folder new. "
                "Nothing was changed. Choose another --folder, or empty this one yourself."
            )
