"""Which value of a setting counts for a client and an integration, and which level gave it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from billing_pipeline.billing.setting_types import INTEGRATIONS, Level
from billing_pipeline.billing.settings import BillingSettings, ChargeSettings


def _find_keys() -> tuple[tuple[str, ...], ...]:
    paths: list[tuple[str, ...]] = []
    for name, field in ChargeSettings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            paths += [(name, key) for key in field.annotation.model_fields]
        else:
            paths.append((name,))
    return tuple(paths)


SETTING_PATHS = _find_keys()
SETTING_KEYS = tuple(".".join(path) for path in SETTING_PATHS)


@dataclass(frozen=True)
class Resolved:
    """Every charge setting of one client and integration, and the level that each came from."""

    charge: ChargeSettings
    levels: Mapping[str, Level]

    def level(self, key: str) -> Level:
        """Return the level that gave `key`, dotted as in "modifiers.drop_azure"."""
        return self.levels[key]

    def values(self) -> list[tuple[str, Any, Level]]:
        """Return (dotted key, value, level) of every setting, in the order of the settings file."""
        return [
            (key, _read(self.charge, path), self.levels[key])
            for key, path in zip(SETTING_KEYS, SETTING_PATHS, strict=True)
        ]


def resolve(settings: BillingSettings, client: str | None, integration: str) -> Resolved:
    """Resolve key by key, the most specific level first.

    A client of None, or one without overrides, has what the integration has. Raises ValueError for an
    integration that does not exist.
    """
    if integration not in INTEGRATIONS:
        raise ValueError(f"{integration!r} is no integration: use one of {', '.join(INTEGRATIONS)}")
    levels = _stack_levels(settings, client, integration)
    values: dict[str, Any] = {}
    won: dict[str, Level] = {}
    for key, path in zip(SETTING_KEYS, SETTING_PATHS, strict=True):
        level, source = next((level, source) for level, source in levels if _is_given(source, level, path))
        won[key] = level
        section = values
        for name in path[:-1]:
            section = section.setdefault(name, {})
        section[path[-1]] = _read(source, path)
    return Resolved(ChargeSettings.model_validate(values), won)


def level_path(level: Level, client: str | None, integration: str) -> tuple[str, ...] | None:
    """Return where in the settings file the charge settings of a level stand; None for the built-ins."""
    match level:
        case "built_in":
            return None
        case "global":
            return ("settings",)
        case "integration":
            return ("integrations", integration, "settings")
        case "client":
            return ("clients", client or "", "settings")
        case "client_integration":
            return ("clients", client or "", "integrations", integration, "settings")


def _stack_levels(
    settings: BillingSettings, client: str | None, integration: str
) -> list[tuple[Level, ChargeSettings]]:
    levels: list[tuple[Level, ChargeSettings]] = []
    own = settings.clients.get(client) if client is not None else None
    if own is not None:
        levels.append(("client_integration", getattr(own.integrations, integration).settings))
        levels.append(("client", own.settings))
    levels.append(("integration", getattr(settings.integrations, integration).settings))
    levels.append(("global", settings.settings))
    levels.append(("built_in", ChargeSettings()))
    return levels


def _is_given(source: ChargeSettings, level: Level, path: tuple[str, ...]) -> bool:
    if level == "built_in":
        return True
    section: BaseModel = source
    for name in path[:-1]:
        section = getattr(section, name)
    return path[-1] in section.model_fields_set


def _read(source: ChargeSettings, path: tuple[str, ...]) -> Any:
    value: Any = source
    for name in path:
        value = getattr(value, name)
    return value
