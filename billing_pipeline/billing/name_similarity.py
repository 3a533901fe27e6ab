"""How alike two names are, once what says nothing about who or what is meant is taken out of them."""

import re
import unicodedata
from collections.abc import Iterable

from rapidfuzz import fuzz

from billing_pipeline.billing.names import normal_name

# Below this a name is no candidate: it would only be noise.
AT_LEAST = 60
SAME = 100

# Forms that are also ordinary last words ("Spa", "As") are not here.
_LEGAL_FORMS = frozenset(
    {"llc", "llp", "lp", "lllp", "pllc", "pc", "pa", "plc", "inc", "incorporated", "corp", "corporation"}
    | {"co", "company", "ltd", "limited", "pty", "pte", "gmbh", "ag", "kg", "ug", "sa", "sas", "sarl", "srl"}
    | {"bv", "nv", "oy", "aps"}
)
_INITIAL = re.compile(r"(?<!\w)([^\W\d_])\.")
_APOSTROPHES = re.compile(r"['’‘`´]")
_NOT_A_WORD = re.compile(r"[\W_]+")


def normalise_name(name: str) -> str:
    """The words of a name in small letters: no accents, punctuation, "the" in front or legal forms at the end.

    "&" is "and"; a name that consists of nothing else keeps its last word. Applied twice it changes nothing more.
    """
    words = _plain(name).split()
    while len(words) > 1 and words[0] == "the":
        words.pop(0)
    while len(words) > 1 and (words[-1] in _LEGAL_FORMS or words[-1] == "and"):
        words.pop()
    return " ".join(words)


def score_names(one: str, other: str) -> int:
    """How alike two normalised names are, in whole percent, rounded down: only equal names have 100."""
    if not one or not other:
        return 0
    if one == other:
        return SAME
    # Words in another order count as much; a name that is a part of the other does not.
    score = max(fuzz.ratio(one, other), fuzz.token_sort_ratio(one, other))
    return min(int(score), SAME - 1)


def is_part(one: str, other: str) -> bool:
    """Whether all words of one normalised name are in the other, as in "acme dental" and "acme dental of denver"."""
    words, others = set(one.split()), set(other.split())
    return bool(words and others) and (words <= others or others <= words)


def differing_words(one: str, other: str) -> tuple[str, str]:
    """The words that only one of two normalised names has, each side in its own order."""
    return _without(one.split(), other.split()), _without(other.split(), one.split())


def _without(words: Iterable[str], others: Iterable[str]) -> str:
    known = set(others)
    return " ".join(word for word in words if word not in known)


def _plain(name: str) -> str:
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", normal_name(name)).casefold())
    text = "".join(char for char in text if not unicodedata.combining(char))
    text = _INITIAL.sub(r"\1", _APOSTROPHES.sub("", text.replace("&", " and ")))
    return _NOT_A_WORD.sub(" ", text).strip()
