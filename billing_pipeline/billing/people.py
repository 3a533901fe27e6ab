"""Whether two sets of names are of one person: a name as typed, a system user, a git author and an e-mail address."""

from collections.abc import Iterable
from email.utils import parseaddr

from billing_pipeline.billing.names import normal_name


def is_same_person(names: Iterable[str], others: Iterable[str]) -> bool:
    """Whether any name of the one is a name of the other, letter case and spaces aside.

    `Jane Doe <jane@msp.example>` is two names. What stands before the @ of an address is what a system user is mostly
    called, so it is compared with names; with that of another address it says nothing.
    """
    ours, our_mailboxes = _read_names(names)
    theirs, their_mailboxes = _read_names(others)
    return bool(ours & theirs or ours & their_mailboxes or our_mailboxes & theirs)


def _read_names(names: Iterable[str]) -> tuple[set[str], set[str]]:
    known: set[str] = set()
    mailboxes: set[str] = set()
    for name in names:
        shown, address = parseaddr(name)
        parts = [name, shown]
        if "@" in address:
            parts.append(address)
            mailboxes.add(normal_name(address.partition("@")[0]))
        known |= {normal_name(part) for part in parts}
    return known - {""}, mailboxes - {""}
