"""Keeps the whole state of a sandbox in a file, so that another process finds what this one was sent."""

from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.sandbox.clock import Clock, parse_time, write_time
from billing_pipeline.sandbox.exact_json import read_json, write_json
from billing_pipeline.sandbox.service import ServiceState
from billing_pipeline.sandbox.switches import change_switches, list_switches
from billing_pipeline.sandbox.world import write_atomically

SERVICES = ("pax8", "halopsa")


class StateFile:
    """The file at `path`: `{"clock", "pax8", "halopsa"}`, each service as `{"switches", "content"}`."""

    def __init__(self, path: Path, clock: Clock, states: Mapping[str, ServiceState]) -> None:
        self._path = path
        self._clock = clock
        self._states = states
        self._lock = Lock()
        self._texts: dict[str, str] = {}
        self._written = ""

    def load(self) -> bool:
        """Put what the file holds into the states; False without a file. SettingsError if it is damaged."""
        if not self._path.exists():
            return False
        try:
            kept = read_json(self._path.read_text(encoding="utf-8"))
            now = kept["clock"]
            self._clock.set(parse_time(now) if now else None)
            for name in SERVICES:
                state = self._states[name]
                with state.lock:
                    state.switches = change_switches(state.switches, kept[name]["switches"])
                    state.load(kept[name]["content"])
        except (ValueError, KeyError, TypeError) as error:
            raise SettingsError(
                f"The sandbox state {self._path} is damaged ({error}). Delete the file to start afresh."
            ) from error
        return True

    def save(self, *names: str) -> None:
        """Write the state of the services `names` (all, without a name) if anything changed."""
        with self._lock:
            for name in names or SERVICES:
                state = self._states[name]
                with state.lock:
                    kept = {"switches": list_switches(state.switches), "content": state.dump()}
                    self._texts[name] = write_json(kept)
            parts = {"clock": write_json(write_time(self._clock.stands_at)), **self._texts}
            text = "{" + ",\n".join(f'"{name}": {part}' for name, part in parts.items()) + "}\n"
            if text != self._written:
                write_atomically(self._path, text)
                self._written = text
