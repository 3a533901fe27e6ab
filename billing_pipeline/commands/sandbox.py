"""`sandbox`: a Pax8 and a HaloPSA of our own on this machine, until Ctrl-C."""

import shlex
import signal
import threading
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from billing_pipeline.commands.outcome import DONE
from billing_pipeline.commands.terminal import notes, say
from billing_pipeline.sandbox.demo_world import DEMO_MONTH, DEMO_NOW, build_demo_world, demo_config
from billing_pipeline.sandbox.server import Sandbox


def sandbox(pax8_port: int, halopsa_port: int) -> int:
    """Serve the demo world in memory and write the variables that lead the pipeline to it."""
    stop = threading.Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: stop.set())
    with (
        TemporaryDirectory(prefix="billing-sandbox-") as folder,
        Sandbox(build_demo_world(), pax8_port, halopsa_port) as served,
    ):
        served.clock.set(datetime.fromisoformat(DEMO_NOW))
        for name, value in {**served.environment, **_make_files(Path(folder)), "BILLING_NOW": DEMO_NOW}.items():
            say(f"export {name}={shlex.quote(value)}")
        say(f"# Its clock stands at {DEMO_NOW}, two days after the Pax8 invoice of {DEMO_MONTH}.", notes())
        say(
            f"# To order trouble, time or edits: {served.pax8_url}/_sandbox/ and {served.halopsa_url}/_sandbox/",
            notes(),
        )
        say("# Ctrl-C stops it, and removes the settings and the database that these variables name.", notes())
        while not stop.wait(1):
            pass
    say("Stopped.", notes())
    return DONE


def _make_files(folder: Path) -> dict[str, str]:
    """Settings that fit the world, and places of their own: what is tried here must not reach a live database."""
    config = folder / "config"
    config.mkdir()
    for name, text in demo_config().items():
        (config / name).write_text(text, encoding="utf-8")
    return {
        "BILLING_CONFIG": str(config),
        "BILLING_WAREHOUSE": str(folder / "data" / "billing.duckdb"),
        "DAGSTER_HOME": str(folder / "dagster"),
    }
