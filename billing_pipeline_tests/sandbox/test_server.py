"""Starting, stopping and keeping a sandbox; the control endpoints that both services have."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.sandbox.exact_json import read_json, write_json
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline.sandbox.world import World
from billing_pipeline_tests.sandbox.asking import HTTP, order_fault, put
from billing_pipeline_tests.sandbox.small_world import NOVEMBER, OCTOBER

SERVICES = ["pax8", "halopsa"]


def origin(sandbox: Sandbox, service: str) -> str:
    return sandbox.pax8_url if service == "pax8" else sandbox.halopsa_url


def status_of(sandbox: Sandbox, invoice_id: str) -> str:
    entries = {entry["invoice"]["id"]: entry for entry in sandbox.pax8.dump()["invoices"]}
    status: str = entries[invoice_id]["invoice"]["status"]
    return status


def sandbox_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("sandbox-")]


def test_the_environment_leads_to_loopback_and_has_every_variable(sandbox: Sandbox) -> None:
    environment = sandbox.environment
    assert environment == {
        "PAX8_BASE_URL": f"{sandbox.pax8_url}/v1",
        "PAX8_TOKEN_URL": f"{sandbox.pax8_url}/v1/token",
        "PAX8_AUDIENCE": "https://api.pax8.com",
        "PAX8_CLIENT_ID": "pax8-client",
        "PAX8_CLIENT_SECRET": "pax8-secret",
        "HALOPSA_RESOURCE_SERVER": f"{sandbox.halopsa_url}/api",
        "HALOPSA_AUTHORISATION_SERVER": f"{sandbox.halopsa_url}/auth",
        "HALOPSA_TENANT": "example",
        "HALOPSA_CLIENT_ID": "halo-client",
        "HALOPSA_CLIENT_SECRET": "halo-secret",
    }
    assert httpx.URL(sandbox.pax8_url).host == httpx.URL(sandbox.halopsa_url).host == "127.0.0.1"


def test_stopping_ends_the_threads_and_frees_the_ports_even_with_open_connections(world: World) -> None:
    before = sandbox_threads()
    with Sandbox(world) as sandbox, httpx.Client() as client:
        client.get(f"{sandbox.pax8_url}/_sandbox/clock")
        client.get(f"{sandbox.halopsa_url}/_sandbox/clock")
        assert len(sandbox_threads()) == len(before) + 2
        sandbox.stop()
        assert sandbox_threads() == before
        with pytest.raises(httpx.TransportError):
            HTTP.get(f"{sandbox.pax8_url}/_sandbox/clock")


def test_stopping_does_not_wait_for_a_slow_answer(world: World) -> None:
    with Sandbox(world) as sandbox:
        order_fault(sandbox.pax8_url, kind="delay", seconds=600)
        with pytest.raises(httpx.ReadTimeout):
            HTTP.get(f"{sandbox.pax8_url}/v1/invoices", timeout=0.2)
        cut: list[str] = []

        def ask() -> None:
            try:
                HTTP.get(f"{sandbox.pax8_url}/v1/invoices", timeout=600)
            except httpx.TransportError as error:
                cut.append(str(error))

        slow = threading.Thread(target=ask)
        slow.start()
        while sandbox.pax8_service.faults.listing()[0]["hits"] < 2:
            time.sleep(0.01)
        began = time.monotonic()
    assert time.monotonic() - began < 10
    slow.join(10)
    assert len(cut) == 1


def test_a_sandbox_that_was_stopped_can_start_again(world: World) -> None:
    sandbox = Sandbox(world)
    sandbox.stop()
    for _ in range(2):
        with sandbox:
            assert HTTP.get(f"{sandbox.halopsa_url}/_sandbox/requests").json() == {}


def test_fixed_ports_are_used_and_a_port_that_is_taken_is_named(world: World) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        before = sandbox_threads()
        with pytest.raises(SettingsError, match=f"HaloPSA sandbox cannot use port {taken}.*another port"):
            Sandbox(world, halopsa_port=taken).start()
        assert sandbox_threads() == before
    with Sandbox(world, halopsa_port=taken) as sandbox:
        assert sandbox.halopsa_url == f"http://127.0.0.1:{taken}"


def test_a_world_goes_to_a_file_and_back_to_the_digit(world: World, tmp_path: Path) -> None:
    world.pax8["invoices"][0]["items"][0]["total"] = Decimal("22.0")
    world.dump(tmp_path / "deep" / "world.json")
    assert '"total": 22.0' in (tmp_path / "deep" / "world.json").read_text()
    read = World.load(tmp_path / "deep" / "world.json")
    assert read == world
    assert str(read.pax8["invoices"][0]["items"][0]["total"]) == "22.0"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["world.json"]


def test_a_file_that_holds_no_world_is_named(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(SettingsError, match=r"other\.json"):
        World.load(tmp_path / "other.json")


def test_the_state_file_keeps_content_switches_and_clock(world: World, tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    with Sandbox(world, state_file=file) as sandbox:
        put(sandbox.pax8_url, "clock", {"now": "2026-11-10T00:00:00Z"})
        put(sandbox.pax8_url, "switches", {"item_count_offset": 1})
        HTTP.patch(f"{sandbox.pax8_url}/_sandbox/invoices/{OCTOBER}", json={"status": "Paid"})
        kept = sandbox.halopsa.dump()
    with Sandbox(world, state_file=file) as again:
        assert status_of(again, OCTOBER) == "Paid"
        assert again.pax8.switches.item_count_offset == 1
        assert again.clock.stands_at == sandbox.clock.stands_at
        assert again.halopsa.dump() == kept


def test_what_was_changed_is_on_the_disk_when_the_process_is_killed(world: World, tmp_path: Path) -> None:
    world.dump(tmp_path / "world.json")
    script = (
        "import sys; from pathlib import Path\n"
        "from billing_pipeline.sandbox.server import Sandbox\n"
        "from billing_pipeline.sandbox.world import World\n"
        "folder = Path(sys.argv[1])\n"
        "sandbox = Sandbox(World.load(folder / 'world.json'), state_file=folder / 'state.json')\n"
        "sandbox.start(); print(sandbox.pax8_url, flush=True); sys.stdin.read()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    url = child.stdout.readline().strip()
    assert HTTP.patch(f"{url}/_sandbox/invoices/{NOVEMBER}", json={"status": "Void"}).status_code == 200
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    if child.stdin is not None:
        child.stdin.close()
    with Sandbox(world, state_file=tmp_path / "state.json") as sandbox:
        assert status_of(sandbox, NOVEMBER) == "Void"


def test_a_sandbox_that_never_started_leaves_the_state_file_alone(world: World, tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    file.write_text("kept")
    Sandbox(world, state_file=file).stop()
    assert file.read_text() == "kept"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"clock": null}', '{"clock": "yesterday"}'])
def test_a_damaged_state_file_is_named_and_left_alone(world: World, tmp_path: Path, text: str) -> None:
    file = tmp_path / "state.json"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"state\.json is damaged .* Delete the file"):
        Sandbox(world, state_file=file).start()
    assert file.read_text() == text


def test_a_reset_sandbox_is_as_if_freshly_started(sandbox: Sandbox, pax8: httpx.Client, world: World) -> None:
    order_fault(sandbox.pax8_url, kind="status", commit_after_requests=9)
    HTTP.patch(f"{sandbox.pax8_url}/_sandbox/invoices/{OCTOBER}", json={"status": "Paid"})
    put(sandbox.pax8_url, "switches", {"item_count_offset": 1})
    put(sandbox.pax8_url, "rate_limit", {"requests": 0, "seconds": 60})
    pax8.get("/v1/invoices")
    sandbox.reset(world)
    assert sandbox.pax8.dump() == world.pax8
    assert sandbox.pax8.switches.item_count_offset == 0
    assert sandbox.clock.stands_at is None
    for name in ("faults", "log"):
        assert HTTP.get(f"{sandbox.pax8_url}/_sandbox/{name}").json() == []
    assert HTTP.post(f"{sandbox.pax8_url}/_sandbox/commits").json() == {"committed": 0}
    assert pax8.get("/v1/invoices").status_code == 401


@pytest.mark.parametrize("service", SERVICES)
def test_the_state_is_shown_whole_and_can_be_replaced(sandbox: Sandbox, service: str) -> None:
    url = f"{origin(sandbox, service)}/_sandbox/state"
    before = read_json(HTTP.get(url).content)
    key = "companies" if service == "pax8" else "clients"
    assert HTTP.put(url, content=write_json({**before, key: []})).status_code == 200
    assert HTTP.get(url).json()[key] == []
    assert HTTP.put(url, content=write_json(before)).status_code == 200
    assert read_json(HTTP.get(url).content) == before


@pytest.mark.parametrize(
    "body", [b"[]", b"{", b'{"invoices": 1}', b'{"invoices": [{}]}', b'{"credentials": []}', b"{}"]
)
def test_a_state_of_the_wrong_shape_is_refused_and_changes_nothing(sandbox: Sandbox, body: bytes) -> None:
    before = sandbox.pax8.dump()
    assert HTTP.put(f"{sandbox.pax8_url}/_sandbox/state", content=body).status_code == 400
    assert sandbox.pax8.dump() == before


@pytest.mark.parametrize("service", SERVICES)
def test_the_clock_is_one_for_both_stands_still_and_can_run_again(sandbox: Sandbox, service: str) -> None:
    url = f"{origin(sandbox, service)}/_sandbox/clock"
    stopped = {"now": "2026-11-04T15:00:00Z", "stands_still": True}
    assert HTTP.put(url, json={"now": "2026-11-04T08:00:00-07:00"}).json() == stopped
    for other in SERVICES:
        assert HTTP.get(f"{origin(sandbox, other)}/_sandbox/clock").json() == stopped
    assert HTTP.put(url, json={"now": None}).json()["stands_still"] is False
    wrong_orders: list[Any] = [{"now": "2026-11-04T15:00:00"}, {"now": "soon"}, {"time": "soon"}, [], {"now": 7}]
    for wrong in wrong_orders:
        assert HTTP.put(url, json=wrong).status_code == 400


@pytest.mark.parametrize("service", SERVICES)
def test_switches_are_listed_changed_by_name_and_refused_by_a_wrong_one(sandbox: Sandbox, service: str) -> None:
    url = f"{origin(sandbox, service)}/_sandbox/switches"
    before = HTTP.get(url).json()
    assert HTTP.put(url, json={"token_seconds": 5}).json() == {**before, "token_seconds": 5}
    for wrong in ({"token_secs": 5}, {"token_seconds": True}, {"token_seconds": "5"}, [1]):
        answer = HTTP.put(url, json=wrong)
        assert answer.status_code == 400
        assert answer.json()["error"]
    assert HTTP.get(url).json()["token_seconds"] == 5


def test_requests_are_counted_by_route_and_logged_without_secrets(sandbox: Sandbox, pax8: httpx.Client) -> None:
    pax8.get(f"/v1/invoices/{OCTOBER}/items", params={"page": 0})
    pax8.get(f"/v1/invoices/{NOVEMBER}/items")
    pax8.get("/v1/invoices/draftItems")
    pax8.get("/v1/nowhere")
    url = f"{sandbox.pax8_url}/_sandbox"
    assert HTTP.get(f"{url}/requests").json() == {
        "GET (no route)": 1,
        "GET /v1/invoices/draftItems": 1,
        "GET /v1/invoices/{id}/items": 2,
        "POST /v1/token": 1,
    }
    log = HTTP.get(f"{url}/log")
    second = log.json()[1]
    assert second.pop("ms") >= 0
    assert second == {
        "time": "2026-10-20T12:00:00Z",
        "method": "GET",
        "path": f"/v1/invoices/{OCTOBER}/items",
        "query": "page=0",
        "route": "/v1/invoices/{id}/items",
        "status": 200,
    }
    assert pax8.headers["Authorization"].removeprefix("Bearer ") not in log.text
    assert "pax8-secret" not in log.text
    HTTP.delete(f"{url}/requests")
    assert HTTP.get(f"{url}/requests").json() == {}
    assert HTTP.get(f"{url}/log").json() == []


def test_both_services_meet_faults_of_their_own(sandbox: Sandbox) -> None:
    order_fault(sandbox.halopsa_url, route="/auth/token", kind="status", status=500)
    token = HTTP.post(f"{sandbox.halopsa_url}/auth/token", data={})
    assert token.status_code == 500
    assert HTTP.get(f"{sandbox.pax8_url}/v1/invoices").status_code == 401
    assert HTTP.get(f"{sandbox.halopsa_url}/_sandbox/requests").json() == {"POST /auth/token": 1}


def test_a_control_endpoint_refuses_what_is_no_json(sandbox: Sandbox) -> None:
    for name in ("clock", "switches", "state", "rate_limit"):
        assert HTTP.put(f"{sandbox.pax8_url}/_sandbox/{name}", content=b"{").status_code == 400
    assert HTTP.put(f"{sandbox.pax8_url}/_sandbox/rate_limit", json={"request": 1}).status_code == 400
    assert HTTP.put(f"{sandbox.pax8_url}/_sandbox/rate_limit", json={"requests": "1", "seconds": 1}).status_code == 400
    assert HTTP.put(f"{sandbox.pax8_url}/_sandbox/switches", json={"oversized_page": "x"}).status_code == 400
