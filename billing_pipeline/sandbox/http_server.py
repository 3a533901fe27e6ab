"""One uvicorn server in a thread of this process, on loopback, quick to start and to stop."""

import asyncio
import socket
from contextlib import suppress
from threading import Event, Thread

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from billing_pipeline.billing.errors import BillingPipelineError, SettingsError

HOST = "127.0.0.1"
PATIENCE_SECONDS = 10


class DroppableProtocol(H11Protocol):
    """HTTP/1.1 whose app may reset the connection: `scope["state"]["drop_connection"]`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "drop_connection": transport.abort}


class _Server(uvicorn.Server):
    """Says when it accepts connections, and does not wait for slow answers when it is stopped."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def ask_to_stop(self) -> None:
        """Stop soon; from any thread."""
        self.should_exit = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self.ready.set()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does it, without its pause for clients: whoever stops a sandbox waits for no answer."""
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        for task in list(self.server_state.tasks):
            task.cancel()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.gather(*self.server_state.tasks, return_exceptions=True)


class HttpServer:
    """Serves `app` on `port` of 127.0.0.1 (0: a free one) from `start` to `stop`."""

    def __init__(self, name: str, app: ASGIApp, port: int) -> None:
        self._name = name
        self._app = app
        self._wanted_port = port
        self._server: _Server | None = None
        self._thread: Thread | None = None
        self.port = port

    def start(self) -> None:
        """Take the port and accept connections. SettingsError where the port is taken."""
        listener = self._bind()
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            http=DroppableProtocol,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._thread = Thread(target=self._server.run, args=([listener],), name=f"sandbox-{self._name}", daemon=True)
        self._thread.start()
        if not self._server.ready.wait(PATIENCE_SECONDS):
            raise BillingPipelineError(f"The {self._name} sandbox did not start within {PATIENCE_SECONDS} seconds.")

    def ask_to_stop(self) -> None:
        """Tell the server to stop, without waiting for it."""
        if self._server is not None:
            self._server.ask_to_stop()

    def stop(self) -> None:
        """Stop, and wait until the thread is gone. Does nothing when it does not run."""
        self.ask_to_stop()
        if self._thread is not None:
            self._thread.join(PATIENCE_SECONDS)
        self._server = self._thread = None

    def _bind(self) -> socket.socket:
        # asyncio turns Nagle off only on sockets that name TCP; with it on, every answer takes 40 ms more.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, self._wanted_port))
            listener.listen(256)
        except OSError as error:
            listener.close()
            raise SettingsError(
                f"The {self._name} sandbox cannot use port {self._wanted_port} on {HOST}: {error.strerror}. "
                "Choose another port, or 0 for a free one."
            ) from None
        return listener
