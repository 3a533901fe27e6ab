"""What a sandbox serves: the content of one Pax8 and of one HaloPSA, as plain JSON-like values."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.sandbox.exact_json import read_json, write_json

Content: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class World:
    """The content of both services; numbers are int or Decimal.

    `pax8`: `companies, products, subscriptions`, `invoices` (each `{"invoice": {...}, "items": [...],
    "release_at": "...Z" | null}`), `credentials` (`client_id, client_secret`); at will `pricing` and
    `histories` (lists by product or subscription id) and `draft_items` (lists by "0" and "1", the month).
    `halopsa`: `clients, sites, items, asset_groups, taxes, currencies, contracts, recurring_invoices,
    invoices, tenant, credentials, permissions`.
    """

    pax8: Content
    halopsa: Content

    @classmethod
    def load(cls, path: Path) -> "World":
        """The world that `dump` wrote to `path`, to the digit."""
        content = read_json(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or not {"pax8", "halopsa"} <= content.keys():
            raise SettingsError(f"{path} is no sandbox world: it needs the keys pax8 and halopsa.")
        return cls(pax8=content["pax8"], halopsa=content["halopsa"])

    def dump(self, path: Path) -> None:
        """Write both contents to `path`; a crash leaves the old file or the new one, never a part."""
        write_atomically(path, write_json({"pax8": self.pax8, "halopsa": self.halopsa}, indent=1))


def write_atomically(path: Path, text: str) -> None:
    """Replace `path` by `text` in one step, on the disk before the call returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
