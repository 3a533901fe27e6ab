"""The sandbox: a Pax8 and a HaloPSA of our own, over real HTTP on loopback, in threads of this process."""

from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from billing_pipeline.sandbox import halopsa_errors, pax8_errors
from billing_pipeline.sandbox.clock import Clock
from billing_pipeline.sandbox.gateway import Gateway
from billing_pipeline.sandbox.halopsa_app import halopsa_routes
from billing_pipeline.sandbox.halopsa_control import halopsa_control_routes
from billing_pipeline.sandbox.halopsa_state import HaloState
from billing_pipeline.sandbox.halopsa_switches import HaloSwitches
from billing_pipeline.sandbox.http_server import HOST, HttpServer
from billing_pipeline.sandbox.pax8_app import AUDIENCE, pax8_routes
from billing_pipeline.sandbox.pax8_control import pax8_control_routes
from billing_pipeline.sandbox.pax8_state import Pax8State
from billing_pipeline.sandbox.pax8_switches import Pax8Switches
from billing_pipeline.sandbox.service import Service
from billing_pipeline.sandbox.state_file import StateFile
from billing_pipeline.sandbox.world import World


class Sandbox:
    """Both services with the content of `world`, from `start` to `stop` or for a `with` block.

    A port of 0 is a free one. With `state_file` the state is taken from that file if it exists (then `world`
    is not used), and written to it after every change. `pax8` and `halopsa` are the states.
    """

    def __init__(self, world: World, pax8_port: int = 0, halopsa_port: int = 0, state_file: Path | None = None) -> None:
        self.clock = Clock()
        self.pax8 = Pax8State(world.pax8, self.clock)
        self.halopsa = HaloState(world.halopsa, self.clock)
        self._file: StateFile | None = None
        self._may_save = False  # never before the file was read: that would undo what it keeps
        if state_file is not None:
            self._file = StateFile(state_file, self.clock, {"pax8": self.pax8, "halopsa": self.halopsa})
        self.pax8_service = Service(
            name="Pax8",
            state=self.pax8,
            routes=pax8_routes(self.pax8),
            control_routes=pax8_control_routes(self.pax8),
            clock=self.clock,
            error_body=pax8_errors.error_envelope,
            save=partial(self._save, "pax8"),
        )
        self.halopsa_service = Service(
            name="HaloPSA",
            state=self.halopsa,
            routes=halopsa_routes(self.halopsa),
            control_routes=halopsa_control_routes(self.halopsa),
            clock=self.clock,
            error_body=halopsa_errors.error_body,
            save=partial(self._save, "halopsa"),
        )
        self._gateways = (Gateway(self.pax8_service), Gateway(self.halopsa_service))
        self._pax8_server = HttpServer("Pax8", self._gateways[0], pax8_port)
        self._halopsa_server = HttpServer("HaloPSA", self._gateways[1], halopsa_port)

    def start(self) -> None:
        """Serve both. SettingsError where a port is taken or the state file is damaged."""
        if self._file is not None:
            self._file.load()
            self._may_save = True
            self._save()
        try:
            self._pax8_server.start()
            self._halopsa_server.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop both and wait for their threads. Does nothing when they do not run."""
        self._pax8_server.ask_to_stop()
        self._halopsa_server.ask_to_stop()
        self._pax8_server.stop()
        self._halopsa_server.stop()
        self._save()

    def reset(self, world: World) -> None:
        """Serve `world` as if freshly started: no faults, limits, log, tokens, changed switches; the real clock."""
        self.clock.set(None)
        self.pax8.switches, self.halopsa.switches = Pax8Switches(), HaloSwitches()
        self.pax8.tokens.revoke_all()
        self.pax8.load(world.pax8)
        self.halopsa.load(world.halopsa)
        for service in (self.pax8_service, self.halopsa_service):
            service.faults.clear()
            service.rate_limit.set(None)
            service.log.clear()
        for gateway in self._gateways:
            gateway.forget_late_commits()
        self._save()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pax8_url(self) -> str:
        """The origin of the Pax8 sandbox; its control endpoints are under `/_sandbox/`."""
        return f"http://{HOST}:{self._pax8_server.port}"

    @property
    def halopsa_url(self) -> str:
        """The origin of the HaloPSA sandbox; its control endpoints are under `/_sandbox/`."""
        return f"http://{HOST}:{self._halopsa_server.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Every PAX8_* and HALOPSA_* variable that leads the pipeline here."""
        return {
            "PAX8_BASE_URL": f"{self.pax8_url}/v1",
            "PAX8_TOKEN_URL": f"{self.pax8_url}/v1/token",
            "PAX8_AUDIENCE": self.pax8.credentials.get("audience", AUDIENCE),
            "PAX8_CLIENT_ID": self.pax8.credentials["client_id"],
            "PAX8_CLIENT_SECRET": self.pax8.credentials["client_secret"],
            "HALOPSA_RESOURCE_SERVER": f"{self.halopsa_url}/api",
            "HALOPSA_AUTHORISATION_SERVER": f"{self.halopsa_url}/auth",
            "HALOPSA_TENANT": self.halopsa.tenant,
            "HALOPSA_CLIENT_ID": self.halopsa.credentials["client_id"],
            "HALOPSA_CLIENT_SECRET": self.halopsa.credentials["client_secret"],
        }

    def _save(self, *names: str) -> None:
        if self._file is not None and self._may_save:
            self._file.save(*names)
