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


def normalise_term(term: str) -> str:
    """The one spelling of a term, or the text itself, lower-cased, where it is not known."""
    folded = "".join(term.lower().replace("-", " ").split())
    return TERMS.get(folded, term.strip().lower())
