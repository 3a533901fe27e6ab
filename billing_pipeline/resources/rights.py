"""Trying, read-only, whether credentials have the rights that the pipeline needs."""

from collections.abc import Callable, Iterable

from billing_pipeline.billing.errors import PermissionMissing


def check_rights(probes: Iterable[Callable[[], str]]) -> list[str]:
    """Run each probe and collect the line it returns; every missing right is told in one PermissionMissing.

    Any other error of a probe (credentials, network) ends the check at once: the rest would fail alike.
    """
    lines, missing = [], []
    for probe in probes:
        try:
            lines.append(probe())
        except PermissionMissing as error:
            missing.append(str(error))
    if missing:
        raise PermissionMissing("\n".join(missing))
    return lines
