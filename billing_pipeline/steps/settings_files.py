"""The settings files themselves, kept with what was made from them: an old month needs no old folder.

They hold no secrets: credentials come from the environment and stand in no settings file.
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from billing_pipeline.billing.canonical import content_hash
from billing_pipeline.billing.errors import WarehouseError
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.settings.load import LoadedSettings, load_settings


def hash_settings(digests: Mapping[str, str]) -> str:
    """One hash over all settings files; `digests` are their sha256 by name."""
    return content_hash(dict(digests))


def keep_settings_files(session: Session, settings_hash: str, config: LoadedSettings, now: datetime) -> None:
    """Keep the files behind `settings_hash`, once; `now` is naive UTC."""
    if session.value("select count(*) from settings_files where settings_hash = ?", [settings_hash]):
        return
    session.insert(
        "settings_files",
        [
            {
                "settings_hash": settings_hash,
                "name": name,
                # The loader takes nothing but UTF-8; a byte order mark stays.
                "content": content.decode("utf-8"),
                "sha256": config.digests[name],
                "stored_at": now,
            }
            for name, content in sorted(config.contents.items())
        ],
    )


def restore_settings(session: Session, settings_hash: str, folder: Path) -> LoadedSettings | None:
    """Write the kept files to `folder`, which is made, and load them; None where none were kept.

    Raises WarehouseError where they are not what the hash was taken of.
    """
    rows = session.rows("select name, content, sha256 from settings_files where settings_hash = ?", [settings_hash])
    if not rows:
        return None
    contents = {row["name"]: row["content"].encode("utf-8") for row in rows}
    digests = {name: sha256(content).hexdigest() for name, content in contents.items()}
    if len(contents) != len(rows) or hash_settings(digests) != settings_hash:
        raise WarehouseError(
            f"The settings files kept under {settings_hash} are not those that it was made from: the table "
            "settings_files was changed. Use the settings folder of that day from your own backups, and leave the "
            "database as it is: a backup of it would lack what was posted since."
        )
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return load_settings(folder)
