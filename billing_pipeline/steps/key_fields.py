"""Where our keys stand in HaloPSA.

The settings say where they are written. They are read in every field where they may ever stand, for a setting that
changes later must hide nothing that was posted before.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from billing_pipeline.billing.keys import is_key_alone, is_ours
from billing_pipeline.billing.settings import HaloPsaFields
from billing_pipeline.steps.halo_facts import text

Row = Mapping[str, Any]

LINE_FIELDS: tuple[str, ...] = get_args(HaloPsaFields.model_fields["charge_key_field"].annotation)
DOCUMENT_FIELDS: tuple[str, ...] = get_args(HaloPsaFields.model_fields["document_key_field"].annotation)


def line_key(line: Row, fields: HaloPsaFields) -> str:
    """The key of ours that a line bears, that of the set field first; without one, what stands in the set field."""
    return next(_keys(line, fields.charge_key_field, LINE_FIELDS), text(line.get(fields.charge_key_field)))


def document_key_of(row: Row, fields: HaloPsaFields) -> str:
    """The key of ours that a document bears, that of the set field first; without one, what stands in the set field."""
    return next(_keys(row, fields.document_key_field, DOCUMENT_FIELDS), text(row.get(fields.document_key_field)))


def keys_on(row: Row, fields: HaloPsaFields) -> set[str]:
    """Every key of ours that a document and its lines bear."""
    found = set(_keys(row, fields.document_key_field, DOCUMENT_FIELDS))
    for line in row.get("lines") or ():
        found.update(_keys(line, fields.charge_key_field, LINE_FIELDS))
    return found


def empty_elsewhere(line: Row, fields: HaloPsaFields) -> dict[str, str]:
    """The fields of a line that bear a key of ours though the settings name another field, each empty.

    A line that is written anew bears its key once: a scalar that is left out would stay.
    """
    others = (name for name in LINE_FIELDS if name != fields.charge_key_field)
    return {name: "" for name in others if is_key_alone(text(line.get(name)))}


def _keys(row: Row, set_field: str, allowed: Sequence[str]) -> Iterator[str]:
    if is_ours(key := text(row.get(set_field))):
        yield key
    for name in allowed:
        if name != set_field and is_key_alone(key := text(row.get(name))):
            yield key
