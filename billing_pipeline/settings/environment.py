"""What comes from outside the settings files: addresses, credentials, folders and the clock.

Environment variables win over `.env`. Secrets are `SecretStr`: they show in no text, log or error.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.settings.addresses import check_address
from billing_pipeline.settings.clock import read_instant
from billing_pipeline.settings.dotenv_file import read_dotenv
from billing_pipeline.settings.nearest import find_nearest

DEFAULTS = {
    "PAX8_BASE_URL": "https://api.pax8.com/v1",
    "PAX8_AUDIENCE": "https://api.pax8.com",
    "BILLING_CONFIG": "config",
    "BILLING_WAREHOUSE": "data/billing.duckdb",
    "BILLING_LOCK_WAIT_SECONDS": "60",
    "DAGSTER_HOME": "data/dagster",
}
VARIABLES = (
    "PAX8_BASE_URL",
    "PAX8_TOKEN_URL",
    "PAX8_AUDIENCE",
    "PAX8_CLIENT_ID",
    "PAX8_CLIENT_SECRET",
    "HALOPSA_RESOURCE_SERVER",
    "HALOPSA_AUTHORISATION_SERVER",
    "HALOPSA_TENANT",
    "HALOPSA_CLIENT_ID",
    "HALOPSA_CLIENT_SECRET",
    "BILLING_CONFIG",
    "BILLING_WAREHOUSE",
    "BILLING_NOW",
    "BILLING_LOCK_WAIT_SECONDS",
    "DAGSTER_HOME",
)
_PREFIXES = ("PAX8_", "HALOPSA_", "BILLING_")


@dataclass(frozen=True)
class Pax8Access:
    """Everything that a Pax8 token and request need."""

    base_url: str
    token_url: str
    audience: str
    client_id: str
    client_secret: SecretStr


@dataclass(frozen=True)
class HaloPsaAccess:
    """Everything that a HaloPSA token and request need. The tenant is empty on a customer's own host."""

    resource_server: str
    authorisation_server: str
    tenant: str
    client_id: str
    client_secret: SecretStr


@dataclass(frozen=True)
class Environment:
    """The environment of one process. Addresses have no trailing slash, paths are absolute.

    `lock_wait_seconds` is how long to wait for another process that has the database or posts.
    """

    pax8_base_url: str
    pax8_token_url: str
    pax8_audience: str
    pax8_client_id: str | None
    pax8_client_secret: SecretStr | None
    halopsa_resource_server: str | None
    halopsa_authorisation_server: str | None
    halopsa_tenant: str
    halopsa_client_id: str | None
    halopsa_client_secret: SecretStr | None
    config_folder: Path
    warehouse: Path
    dagster_home: Path
    lock_wait_seconds: float
    dotenv: Path | None
    unknown_names: tuple[str, ...] = ()
    _environ: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    _dotenv_now: str | None = field(default=None, repr=False)

    @property
    def fixed_now(self) -> str | None:
        """`BILLING_NOW` as it was given; None for the real clock."""
        return self._environ.get("BILLING_NOW", self._dotenv_now)

    def now(self) -> datetime:
        """Return the time in UTC: `BILLING_NOW` as it stands at this call, else the real clock.

        Raises SettingsError when `BILLING_NOW` is no ISO 8601 time with Z.
        """
        text = self.fixed_now
        return read_instant("BILLING_NOW", text.strip()) if text and text.strip() else datetime.now(UTC)

    def require_pax8(self) -> Pax8Access:
        """Return what Pax8 needs. Raises SettingsError that names every missing variable."""
        if self.pax8_client_id is None or self.pax8_client_secret is None:
            raise SettingsError(self._describe_missing("Pax8", self._missing_of_pax8()))
        return Pax8Access(
            self.pax8_base_url,
            self.pax8_token_url,
            self.pax8_audience,
            self.pax8_client_id,
            self.pax8_client_secret,
        )

    def require_halopsa(self) -> HaloPsaAccess:
        """Return what HaloPSA needs. Raises SettingsError that names every missing variable."""
        if (
            self.halopsa_resource_server is None
            or self.halopsa_authorisation_server is None
            or self.halopsa_client_id is None
            or self.halopsa_client_secret is None
        ):
            raise SettingsError(self._describe_missing("HaloPSA", self._missing_of_halopsa()))
        return HaloPsaAccess(
            self.halopsa_resource_server,
            self.halopsa_authorisation_server,
            self.halopsa_tenant,
            self.halopsa_client_id,
            self.halopsa_client_secret,
        )

    def require_credentials(self) -> None:
        """Raise SettingsError that names every variable missing for Pax8 or HaloPSA, each on a line."""
        texts = [
            self._describe_missing(service, missing)
            for service, missing in (
                ("Pax8", self._missing_of_pax8()),
                ("HaloPSA", self._missing_of_halopsa()),
            )
            if missing
        ]
        if texts:
            raise SettingsError("\n".join(texts))

    def _missing_of_pax8(self) -> list[str]:
        given = {"PAX8_CLIENT_ID": self.pax8_client_id, "PAX8_CLIENT_SECRET": self.pax8_client_secret}
        return [name for name, value in given.items() if value is None]

    def _missing_of_halopsa(self) -> list[str]:
        given = {
            "HALOPSA_RESOURCE_SERVER": self.halopsa_resource_server,
            "HALOPSA_AUTHORISATION_SERVER": self.halopsa_authorisation_server,
            "HALOPSA_CLIENT_ID": self.halopsa_client_id,
            "HALOPSA_CLIENT_SECRET": self.halopsa_client_secret,
        }
        return [name for name, value in given.items() if value is None]

    def _describe_missing(self, service: str, missing: list[str]) -> str:
        where = str(self.dotenv) if self.dotenv is not None else ".env"
        verb, what = ("is", "it") if len(missing) == 1 else ("are", "them")
        text = (
            f"{service}: {', '.join(missing)} {verb} missing; set {what} in the environment or in {where} "
            "(.env.example shows all), then run billing-pipeline check"
        )
        for name in missing:
            nearest = find_nearest(name, self.unknown_names, at_least=85)
            if nearest is not None:
                text += f"; {nearest} is set, but the name is {name}"
        return text


def load_environment(environ: Mapping[str, str], dotenv: Path | None, root: Path | None = None) -> Environment:
    """Read the variables of `environ`, then those of the file `dotenv` where it exists.

    A variable in `environ` wins even when it is empty; an empty one counts as not set. Relative paths
    begin at `root` (default: the current folder). Raises SettingsError with every problem, one a line.
    """
    problems: list[str] = []
    from_file = read_dotenv(dotenv, VARIABLES, _PREFIXES, problems) if dotenv is not None else {}
    values = {**from_file, **{name: environ[name] for name in VARIABLES if name in environ}}
    given = {name: value.strip() for name, value in values.items() if value.strip()}

    def address(name: str, suffix: str | None = None) -> str | None:
        if name not in given:
            return DEFAULTS.get(name)
        try:
            return check_address(name, given[name], suffix)
        except SettingsError as error:
            problems.append(str(error))
            return None

    def secret(name: str) -> SecretStr | None:
        return SecretStr(given[name]) if name in given else None

    def path(name: str) -> Path:
        return (root or Path.cwd()) / Path(given.get(name, DEFAULTS[name])).expanduser()

    def database(name: str) -> Path:
        file = path(name)
        # DuckDB takes what follows a question mark for options, and looks for its write-ahead log in another place.
        if "?" in str(file.resolve()):
            problems.append(
                f"{name}: {str(file.resolve())!r} has a question mark, and DuckDB keeps no database at such a path: "
                "choose a folder and a file name without one"
            )
        return file

    def seconds(name: str) -> float:
        text = given.get(name, DEFAULTS[name])
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
            problems.append(f"{name}: {text!r} is no number of seconds: write it as {DEFAULTS[name]} or 0.5")
            return 0
        return float(text)

    base_url = address("PAX8_BASE_URL", "/v1") or DEFAULTS["PAX8_BASE_URL"]
    # Credentials meant for another Pax8 host must not go to the real one because one variable was forgotten.
    token_url = address("PAX8_TOKEN_URL") or f"{base_url}/token"
    environment = Environment(
        pax8_base_url=base_url,
        pax8_token_url=token_url,
        pax8_audience=given.get("PAX8_AUDIENCE", DEFAULTS["PAX8_AUDIENCE"]),
        pax8_client_id=given.get("PAX8_CLIENT_ID"),
        pax8_client_secret=secret("PAX8_CLIENT_SECRET"),
        halopsa_resource_server=address("HALOPSA_RESOURCE_SERVER", "/api"),
        halopsa_authorisation_server=address("HALOPSA_AUTHORISATION_SERVER", "/auth"),
        halopsa_tenant=given.get("HALOPSA_TENANT", ""),
        halopsa_client_id=given.get("HALOPSA_CLIENT_ID"),
        halopsa_client_secret=secret("HALOPSA_CLIENT_SECRET"),
        config_folder=path("BILLING_CONFIG"),
        warehouse=database("BILLING_WAREHOUSE"),
        dagster_home=path("DAGSTER_HOME"),
        lock_wait_seconds=seconds("BILLING_LOCK_WAIT_SECONDS"),
        dotenv=dotenv,
        unknown_names=tuple(n for n in sorted(environ) if n.startswith(_PREFIXES) and n not in VARIABLES),
        _environ=environ,
        _dotenv_now=from_file.get("BILLING_NOW"),
    )
    try:
        environment.now()
    except SettingsError as error:
        problems.append(str(error))
    if problems:
        raise SettingsError("\n".join(problems))
    return environment
