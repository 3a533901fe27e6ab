"""Seeded randomness for the demo world: each subject has its own stream, so a new client changes no other."""

import random
import uuid
from decimal import ROUND_HALF_UP, Decimal

SEED = 20261004


def stream(subject: str) -> random.Random:
    """A generator for one subject ("prorates of <company>"), the same on every machine and every run."""
    return random.Random(f"{SEED}:{subject}")


def new_id(rng: random.Random) -> str:
    """The stream's next UUID (version 4) in its usual text form."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def to_places(amount: Decimal, places: int) -> Decimal:
    """The amount with exactly so many decimals, halves away from zero: how a distributor makes a price."""
    return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
