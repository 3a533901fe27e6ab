"""Who last changed the lines of the settings files that are about one client.

Git tells, where the folder is in a work tree and git is installed; else the owner of the file is taken for it.
"""

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from billing_pipeline.settings.csv_files import read_rows
from billing_pipeline.settings.load import YAML_NAME, LoadedSettings
from billing_pipeline.settings.mapping_files import COLUMNS, PROPOSED_COLUMNS

CLIENTS_NAME = "clients.csv"
_GIT_SECONDS = 20
_UNCOMMITTED = "0" * 40


@dataclass(frozen=True)
class LastChange:
    """The newest change of a client's lines: `names` are all that its author is known by, `described` is for people."""

    file: str
    line: int
    names: tuple[str, ...]
    changed_at: datetime
    described: str


@dataclass(frozen=True)
class _Change:
    names: tuple[str, ...]
    changed_at: datetime
    described: str


@dataclass
class SettingsHistory:
    """The history of one settings folder; each file is asked about once. Nothing is raised where nobody can tell."""

    loaded: LoadedSettings
    _changes: dict[str, dict[int, _Change]] = field(default_factory=dict, repr=False)
    _client_rows: dict[str, list[int]] | None = field(default=None, repr=False)

    def last_change(self, client: str) -> LastChange | None:
        """The newest change of the client's rows in `clients.csv` and of its part of `billing.yaml`."""
        lines = [(CLIENTS_NAME, line) for line in self._rows_of(client)]
        lines += [(YAML_NAME, line) for line in _part_of_yaml(self.loaded, client)]
        found = [
            LastChange(name, line, change.names, change.changed_at, change.described)
            for name, line in lines
            if (change := self._changes_of(name).get(line)) is not None
        ]
        return max(found, key=lambda one: one.changed_at, default=None)

    def _rows_of(self, client: str) -> Sequence[int]:
        if self._client_rows is None:
            content = self.loaded.contents.get(CLIENTS_NAME, b"")
            self._client_rows = {}
            columns, proposed = COLUMNS[CLIENTS_NAME], PROPOSED_COLUMNS[CLIENTS_NAME]
            for row in read_rows(CLIENTS_NAME, content, columns, [], proposed) if content else ():
                self._client_rows.setdefault(row.cells["client"], []).append(row.line)
        return self._client_rows.get(client, ())

    def _changes_of(self, name: str) -> dict[int, _Change]:
        if name not in self._changes:
            self._changes[name] = _read_changes(self.loaded.folder / name)
        return self._changes[name]


def _part_of_yaml(loaded: LoadedSettings, client: str) -> Iterable[int]:
    """The lines of the client's own settings; comments and empty lines before what follows are no setting.

    A key's lines end where the next key begins, for a text may have several. Keys that come from an anchor stand
    elsewhere in the file.
    """
    own = {line for path, line in loaded.lines.items() if path[:2] == ("clients", client)}
    if not own:
        return ()
    text = loaded.contents[YAML_NAME].decode("utf-8", errors="replace").splitlines()
    starts = sorted({*loaded.lines.values(), len(text) + 1})
    part: list[int] = []
    for start, following in pairwise(starts):
        if start in own:
            lines = list(range(start, following))
            while text[lines[-1] - 1].strip()[:1] in ("", "#"):
                lines.pop()
            part += lines
    return part


def _read_changes(file: Path) -> dict[int, _Change]:
    """The newest change of each line of a file, by its number."""
    try:
        lines = len(file.read_bytes().splitlines())
        by_owner = _changed_by_owner(file)
    except OSError:
        return {}
    blamed = _blame(file)
    if blamed is None:
        return dict.fromkeys(range(1, lines + 1), by_owner)
    uncommitted = replace(by_owner, described=f"not committed yet, {by_owner.described}")
    return {line: blamed.get(line, uncommitted) for line in range(1, lines + 1)}


def _changed_by_owner(file: Path) -> _Change:
    try:
        owner = file.owner()
    except (KeyError, NotImplementedError):
        owner = "an unknown owner"
    changed_at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return _Change((owner,), changed_at, f"changed on {changed_at:%Y-%m-%d}, owner {owner}")


def _blame(file: Path) -> dict[int, _Change] | None:
    """The commit of each committed line; None where git cannot say."""
    command = ["git", "-C", str(file.parent), "blame", "--line-porcelain", "--", file.name]
    try:
        answer = subprocess.run(  # noqa: S603 (a command of our own)
            command, capture_output=True, timeout=_GIT_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return None
    if answer.returncode != 0:
        return None
    return _read_blame(answer.stdout.decode("utf-8", errors="replace"))


def _read_blame(text: str) -> dict[int, _Change]:
    """Git's porcelain: a line with commit and numbers, lines of facts, and the line itself after a tab."""
    changes: dict[int, _Change] = {}
    commit, number, facts = "", 0, dict[str, str]()
    # Not splitlines(): the settings' own lines may hold other line ends than git's.
    for line in text.split("\n"):
        if line.startswith("\t"):
            if commit != _UNCOMMITTED:
                changes[number] = _committed(commit, facts)
            commit, facts = "", {}
        elif not commit:
            commit, _, rest = line.partition(" ")
            number = int(rest.split(" ")[1]) if rest else 0
        else:
            name, _, value = line.partition(" ")
            facts[name] = value
    return changes


def _committed(commit: str, facts: dict[str, str]) -> _Change:
    author, mail = facts.get("author", ""), facts.get("author-mail", "").strip("<>")
    changed_at = datetime.fromtimestamp(int(facts.get("author-time", "0")), UTC)
    described = f"commit {commit[:10]} of {changed_at:%Y-%m-%d} by {author} <{mail}>"
    return _Change(tuple(name for name in (author, mail) if name), changed_at, described)
