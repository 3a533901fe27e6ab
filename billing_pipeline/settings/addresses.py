"""Addresses of services: https, or plain http to this machine only."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from billing_pipeline.billing.errors import SettingsError

_LOOPBACK_V4 = ip_network("127.0.0.0/8")
# urlsplit drops some of these without a word and httpx reads others differently: refuse them all.
_UNSAFE = re.compile(r"[\s\\\x00-\x1f\x7f]")


def is_loopback(host: str) -> bool:
    """Tell whether `host` is this machine: 127.0.0.0/8, ::1 or localhost, and nothing that looks like it."""
    if host.lower() == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    match address:
        case IPv4Address():
            return address in _LOOPBACK_V4
        case IPv6Address():
            return address == IPv6Address("::1")


def check_address(name: str, text: str, suffix: str | None = None) -> str:
    """Return the address without trailing slashes; with `suffix`, its path must end so.

    Raises SettingsError that names the variable `name` and never repeats a user or password in the address.
    """
    if _UNSAFE.search(text):
        raise SettingsError(f"{name}: the address holds a space, a backslash or a control character")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise SettingsError(f"{name}: this is no address: write https://<host>{suffix or ''}") from None
    if "@" in parts.netloc:
        raise SettingsError(f"{name}: no user or password may stand in an address")
    if parts.scheme not in ("https", "http") or not host or port == 0:
        raise SettingsError(f"{name}: this is no address: write https://<host>{suffix or ''}")
    if parts.query or parts.fragment:
        raise SettingsError(f"{name}: nothing may follow the path: leave out all from ? or # on")
    if parts.scheme == "http" and not is_loopback(host):
        raise SettingsError(
            f"{name}: plain http to {host} would show the credentials to the network: write https:// "
            "(http is for 127.0.0.1, ::1 and localhost only)"
        )
    trimmed = text.rstrip("/")
    if suffix is not None and not parts.path.rstrip("/").endswith(suffix):
        right = trimmed.partition(f"{suffix}/")[0] + suffix
        raise SettingsError(f"{name}: {trimmed} must end in {suffix}: write {right}")
    return trimmed
