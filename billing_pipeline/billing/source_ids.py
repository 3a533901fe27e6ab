"""Ids that the distributor gives, and what is none though a value stands there."""

import re
from typing import Any

# Systems write an id that is not set as nothing, as 0, or as a GUID of zeros.
_BLANK = re.compile(r"[\s0{}-]*")


def own_id(value: Any) -> str | None:
    """The id in a field of the distributor, without blanks around it; None where it is missing, empty or all zeros.

    All parts ask here, for a line has an id or has none: one without is told apart by its content.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or _BLANK.fullmatch(value):
        return None
    return value.replace("\x00", "").strip() or None
