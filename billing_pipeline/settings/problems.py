"""What is wrong in settings files, with the place of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from billing_pipeline.billing.errors import SettingsError

KeyPath: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Problem:
    """One thing wrong: file, line (from 1, None for the whole file), where in it, and what to do."""

    file: str
    line: int | None
    where: str
    text: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        text = f"{place}: {self.where}: {self.text}" if self.where else f"{place}: {self.text}"
        return text.replace("\r", "\\r").replace("\n", "\\n")


def raise_problems(problems: Iterable[Problem]) -> None:
    """Raise one SettingsError with all problems, one a line, by file and line; none raises nothing."""
    found = sorted(set(problems), key=lambda p: (p.file, p.line or 0, p.where, p.text))
    if found:
        raise SettingsError("\n".join(str(problem) for problem in found))
