"""The one form in which names are compared, and what no id may hold.

Pax8, HaloPSA and spreadsheets write one name in several ways that look the same: composed and decomposed accents,
no-break spaces, characters without any width, `&amp;` for `&`.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from html import unescape

# Only with its semicolon: "AT&T" and "R&copy" are names.
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]*);")
_MOST_ROUNDS = 8
# Marks and letters that show nothing, beside the categories of controls and formats.
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0") | frozenset(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)


@lru_cache(maxsize=16384)
def normal_name(name: str) -> str:
    """A name as names are compared: as `clean_name` has it, case folded. Applied twice it changes nothing more."""
    if name.isascii() and name.isprintable() and "&" not in name:
        return " ".join(name.lower().split())
    return _settle(name, str.casefold)


def clean_name(name: str) -> str:
    """A name in NFKC, every run of spaces one space, without invisible characters and with HTML's `&amp;` and the like
    read; its case stays.
    """
    return _settle(name, str)


def _settle(text: str, fold: Callable[[str], str]) -> str:
    for _ in range(_MOST_ROUNDS):
        # Each step may bring a text out of the form that another one made.
        before, text = text, _normalise(text, fold)
        if text == before:
            break
    return text


def _normalise(text: str, fold: Callable[[str], str]) -> str:
    read = _ENTITY.sub(lambda found: unescape(found[0]), text)
    folded = unicodedata.normalize("NFKC", fold(unicodedata.normalize("NFKC", read)))
    return " ".join("".join(char for char in folded if char.isspace() or not is_invisible(char)).split())


def is_same_name(one: str, other: str) -> bool:
    """Whether two names are equal to the eye, letter case aside."""
    return one == other or normal_name(one) == normal_name(other)


def is_invisible(char: str) -> bool:
    """Whether a character takes part in a text without being seen in it."""
    return unicodedata.category(char) in ("Cf", "Cc") or char in _BLANKS


def find_hidden_character(identifier: str) -> str | None:
    """What no id may hold, by name: an invisible character, or a space that is no plain one; None where all is seen."""
    for char in identifier:
        if is_invisible(char) or (char.isspace() and char != " "):
            return unicodedata.name(char, f"character U+{ord(char):04X}").lower()
    return None
