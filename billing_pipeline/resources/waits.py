"""Says that the work waits for a service, so that nobody takes a quiet terminal for one that hangs."""

import logging

WAITS = logging.getLogger("billing_pipeline.waits")
WAITS.setLevel(logging.INFO)


def tell_wait(said: str) -> None:
    """Log what is waited for and how long; a command that shows its stages shows it among them."""
    WAITS.info("%s", said)
