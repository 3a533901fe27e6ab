"""Money: exact decimals in, amounts in a currency's minor unit out. The only place that rounds."""

import re
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, DefaultContext, getcontext, localcontext

STORED_SCALE = 18
STORED_DIGITS = 38
_HALF_UP_DIGITS = 60
# Two stored amounts multiply to 76 digits; Python's own 28 would round their sums without a word. New threads copy the
# default context, this one has its own already.
DefaultContext.prec = 80
getcontext().prec = 80
_EXACT = Context(prec=80)
_STORED_STEP = Decimal(1).scaleb(-STORED_SCALE)
# Decimal() itself also takes underscores, digits of other scripts and "Infinity".
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,9})?")
# Past this many places an amount is written with its exponent: 1e999999999 would fill the memory.
_MOST_PLACES = 60

# ISO 4217 currencies whose minor unit is not a hundredth.
_MINOR_UNITS = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
        ),
        0,
    ),
    **dict.fromkeys(("XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def minor_unit_digits(currency: str) -> int:
    """How many decimal places the minor unit of an ISO 4217 currency has (2 where nothing else is known)."""
    return _MINOR_UNITS.get(currency.upper(), 2)


def round_half_up(amount: Decimal, digits: int) -> Decimal:
    """`amount` with exactly `digits` decimal places, halves away from zero; never a negative zero."""
    with localcontext() as context:
        context.prec = _HALF_UP_DIGITS
        rounded = amount.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    return rounded if rounded else abs(rounded)


def round_amount(amount: Decimal, currency: str) -> Decimal:
    """`amount` in the minor unit of `currency`, halves away from zero."""
    return round_half_up(amount, minor_unit_digits(currency))


def as_stored(amount: Decimal) -> Decimal | None:
    """The amount as DECIMAL(38,18) keeps it: digits past the 18th decimal are cut, never rounded.

    None where it has more than 20 digits before the point, or is no number.
    """
    if not amount.is_finite() or (amount and amount.adjusted() >= STORED_DIGITS - STORED_SCALE):
        return None
    if not amount or amount.adjusted() < -STORED_SCALE:
        # Not quantized as it is: zeros and tiny amounts may have an exponent of any size.
        amount = Decimal(0)
    cut = amount.quantize(_STORED_STEP, rounding=ROUND_DOWN, context=_EXACT)
    return cut if cut else abs(cut)


def decimal_places(amount: Decimal) -> int:
    """How many digits a finite amount has behind the point, zeros at its end not counted."""
    # Not normalize(): it rounds to the context's 28 digits first.
    _, digits, exponent = amount.as_tuple()
    text = "".join(map(str, digits)).rstrip("0")
    return max(0, len(text) - len(digits) - int(exponent)) if text else 0


def parse_amount(value: object) -> Decimal | None:
    """A JSON value as an exact Decimal: a number or a number in text; None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, str):
        text = value.strip()
        return Decimal(text) if _NUMBER.fullmatch(text) else None
    return None


def margin_is_off(sell: Decimal, cost: Decimal, percent: Decimal, tolerance: Decimal) -> bool:
    """Whether `sell` lies further than `tolerance` percent of the cost from `percent` percent above `cost`."""
    return abs(sell * 100 - cost * (100 + percent)) > abs(cost) * tolerance


def exact_unit_price(total: Decimal, quantity: Decimal, digits: int) -> Decimal | None:
    """The unit price with at most `digits` decimals that times `quantity` is exactly `total`, or None."""
    if quantity <= 0:
        return None
    with localcontext() as context:
        context.prec = _HALF_UP_DIGITS
        unit_price = round_half_up(total / quantity, digits)
        return unit_price if unit_price * quantity == total else None


def show_amount(amount: Decimal, currency: str = "") -> str:
    """An amount for people: thousands separated, at least the minor unit, every further digit kept."""
    digits = minor_unit_digits(currency) if currency else 2
    places = max(digits, decimal_places(amount))
    is_writable = places <= _MOST_PLACES and amount.adjusted() <= _MOST_PLACES
    text = f"{amount:,.{places}f}" if is_writable else str(amount)
    return f"{text} {currency}" if currency else text


def show_change(amount: Decimal, currency: str = "") -> str:
    """A difference for people: as an amount, with a plus where it is more."""
    return ("+" if amount > 0 else "") + show_amount(amount, currency)
