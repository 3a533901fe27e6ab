"""The keys by which a charge, a document and a plan are known for ever.

A charge key is in the journal once, ever; a document key stands in the `reference` of a document we created.
Keys are 32 hexadecimal digits behind a prefix that says what they are, so that a person who meets one in
HaloPSA can tell ours from theirs. The key of a collapsed line is made where its group is made, in `modify_charges.sql`.
"""

from collections.abc import Iterable
from hashlib import sha256

CHARGE_PREFIX = "bp-c-"
DOCUMENT_PREFIX = "bp-d-"
SLOT_PREFIX = "bp-s-"
_DIGITS = 32


def _digest(*parts: str) -> str:
    # The length before each part keeps ("a", "bc") and ("ab", "c") apart.
    joined = "".join(f"{len(part)}:{part}" for part in parts)
    return sha256(joined.encode()).hexdigest()[:_DIGITS]


def charge_key(integration: str, invoice_id: str, source_line_id: str) -> str:
    """The key of one source line."""
    return CHARGE_PREFIX + _digest("line", integration, invoice_id, source_line_id)


def reversal_key(billed: str) -> str:
    """The key of the line that takes back a charge which stands billed under the key `billed`."""
    return CHARGE_PREFIX + _digest("reversal", billed)


def undo_key(posted: str) -> str:
    """The key of the line with which a whole month is taken back, from the key `posted` of the line that it undoes.

    Not `reversal_key`: a correction may have taken the same charge back before, and that line is undone too.
    """
    return CHARGE_PREFIX + _digest("reverse", posted)


def document_key(client: str, currency: str, group: str, charge_keys: Iterable[str]) -> str:
    """The key of a document that we create, from the charges on it."""
    return DOCUMENT_PREFIX + _digest("document", client, currency, group, *sorted(charge_keys))


def slot_key(client: str, integration: str, currency: str, subscription: tuple[str, ...], ordinal: int) -> str:
    """The key of a recurring line, the same month after month, while item ids change.

    `subscription` is the subscription's id, else product, SKU and term; `ordinal` counts equal ones from 1.
    """
    return SLOT_PREFIX + _digest("slot", client, integration, currency, *subscription, str(ordinal))


def is_slot(key: object) -> bool:
    """Whether a text read in HaloPSA is the key of one of our recurring lines."""
    return isinstance(key, str) and key.startswith(SLOT_PREFIX)


def is_ours(key: object) -> bool:
    """Whether a text read in HaloPSA is one of our keys."""
    return isinstance(key, str) and key.startswith((CHARGE_PREFIX, DOCUMENT_PREFIX, SLOT_PREFIX))


def is_key_alone(key: object) -> bool:
    """Whether a text is one of our keys and nothing else: a note of a person that begins with a key is none."""
    return is_ours(key) and len(str(key)) == len(CHARGE_PREFIX) + _DIGITS
