"""The known name nearest to one that nobody knows."""

from collections.abc import Iterable

from rapidfuzz import fuzz, process

_CLOSE_ENOUGH = 60


def find_nearest(name: str, known: Iterable[str], at_least: float = _CLOSE_ENOUGH) -> str | None:
    """Return the known name most like `name`, or None when none is at least so many percent alike."""
    found = process.extractOne(name, list(known), scorer=fuzz.ratio, processor=str.casefold)
    return found[0] if found is not None and found[1] >= at_least else None


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the end of an error text: the nearest known name, or all of them when none is near."""
    names = list(known)
    nearest = find_nearest(name, names)
    return f"the nearest known one is {nearest}" if nearest else f"known are: {', '.join(names)}"
