"""Who runs this process."""

import getpass


def system_user() -> str:
    """The name of the system user; "unknown user" where the machine has no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown user"
