"""The settings for Dagster: read anew by every step, so that a corrected file counts from the next step on."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from billing_pipeline.settings.clock import read_instant
from billing_pipeline.settings.load import LoadedSettings, load_settings
from billing_pipeline.settings.scope import refuse_what_is_not_carried_out


class ConfigurationResource(dg.ConfigurableResource["LoadedSettings"]):
    """`folder` holds billing.yaml and the CSV files; `now` is BILLING_NOW, empty for the real clock."""

    folder: str
    fixed_now: str = ""

    def load(self) -> LoadedSettings:
        """The settings as they are now. Raises SettingsError that names file, line and key."""
        loaded = load_settings(Path(self.folder))
        refuse_what_is_not_carried_out(loaded.settings)
        return loaded

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        return read_instant("BILLING_NOW", self.fixed_now) if self.fixed_now else datetime.now(UTC)
