"""Billing terms as the distributor writes them, and the one spelling that we use.

Compared case-insensitively and without spaces and hyphens (Pax8 writes One-Time, One-time and 1-Time).
"""

TERMS = {
    "monthly": "monthly",
    "annual": "annual",
    "2year": "2-year",
    "3year": "3-year",
    "onetime": "one-time",
    "1time": "one-time",
    "activation": "activation",
    "arrears": "arrears",
    "trial": "trial",
    "rebate": "rebate",
}
KNOWN_TERMS = tuple(dict.fromkeys(TERMS.values()))


def normalise_term(term: str | None) -> str:
    """The one spelling of a term, empty where there is none; a term that is not known as it stands, lower-cased."""
    written = (term or "").strip().lower()
    return TERMS.get("".join(written.replace("-", " ").split()), written)
