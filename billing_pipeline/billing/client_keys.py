"""How company ids are compared, and the client key of a company that nobody has mapped yet.

Such a company is a client of its own, blocked until it is mapped.
"""

import re
from hashlib import sha256

UNASSIGNED = "unassigned"
UNMAPPED_PREFIX = "pax8-"
_FIT_FOR_A_KEY = re.compile(r"[a-z0-9-]{1,58}")


def fold_id(company_id: str) -> str:
    """A company id as ids are compared."""
    return company_id.strip().lower()


def unmapped_client_key(company_id: str) -> str:
    """`pax8-<company id>`, or `pax8-` and a hash where the id does not fit a client key.

    Keys stand in partition names and URLs; an id from outside is not trusted to be harmless there.
    """
    folded = fold_id(company_id)
    if _FIT_FOR_A_KEY.fullmatch(folded):
        return UNMAPPED_PREFIX + folded
    return UNMAPPED_PREFIX + sha256(company_id.encode()).hexdigest()[:32]
