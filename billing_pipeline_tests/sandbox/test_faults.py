"""Ordered faults: which requests they hit, and that each of them really happens on the wire."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from billing_pipeline.sandbox.clock import Clock
from billing_pipeline.sandbox.gateway import Gateway
from billing_pipeline.sandbox.http_server import HttpServer
from billing_pipeline.sandbox.pax8_state import Pax8State
from billing_pipeline.sandbox.service import Service
from billing_pipeline_tests.sandbox.asking import order_fault, put
from billing_pipeline_tests.sandbox.small_world import make_pax8


class Notebook:
    """A service of two routes that writes down what it was sent."""

    def __init__(self) -> None:
        self.written: list[Any] = []
        self.written_now = threading.Event()
        clock = Clock()
        self.service = Service(
            name="Notebook",
            state=Pax8State(make_pax8(), clock),
            routes=[
                Route("/notes", self._write, methods=["POST"]),
                Route("/notes/{note}", self._read, methods=["GET"]),
            ],
            control_routes=[],
            clock=clock,
            error_body=lambda status, path: {"status": status, "path": path},
        )
        self.server = HttpServer("Notebook", Gateway(self.service), 0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    async def _write(self, request: Request) -> Response:
        self.written.append(await request.json())
        self.written_now.set()
        return JSONResponse({"written": len(self.written)}, status_code=201)

    async def _read(self, request: Request) -> Response:
        if request.path_params["note"] == "broken":
            raise RuntimeError("a mistake in the sandbox")
        return JSONResponse({"note": request.path_params["note"]})


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    notebook = Notebook()
    notebook.server.start()
    yield notebook
    notebook.server.stop()


@pytest.fixture
def client(notebook: Notebook) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=notebook.url, timeout=10, verify=False) as client:
        yield client


def read_statuses(client: httpx.Client, count: int, path: str = "/notes/1") -> list[int]:
    return [client.get(path).status_code for _ in range(count)]


def test_a_fault_hits_the_first_requests_of_its_route_and_then_no_more(
    notebook: Notebook, client: httpx.Client
) -> None:
    order_fault(notebook.url, method="GET", route="/notes/{id}", count=2, kind="status", status=503)
    assert client.post("/notes", json=1).status_code == 201
    assert read_statuses(client, 4) == [503, 503, 200, 200]


def test_a_fault_can_let_requests_pass_before_it_hits(notebook: Notebook, client: httpx.Client) -> None:
    order_fault(notebook.url, route="/notes/{note}", after=1, count=1, kind="status", status=500)
    assert read_statuses(client, 3) == [200, 500, 200]


def test_a_fault_without_count_lasts_until_it_is_cleared(notebook: Notebook, client: httpx.Client) -> None:
    order_fault(notebook.url, kind="status")
    assert read_statuses(client, 3) == [500, 500, 500]
    assert client.get("/_sandbox/faults").json()[0]["hits"] == 3
    assert client.delete("/_sandbox/faults").json() == []
    assert read_statuses(client, 1) == [200]


def test_faults_hit_in_the_order_they_came(notebook: Notebook, client: httpx.Client) -> None:
    order_fault(notebook.url, kind="status", status=429, count=1)
    order_fault(notebook.url, kind="status", status=503, count=1)
    assert read_statuses(client, 3) == [429, 503, 200]


def test_a_fault_can_be_for_one_path_or_one_content_only(notebook: Notebook, client: httpx.Client) -> None:
    order_fault(notebook.url, route="/notes/2", kind="status", status=500)
    order_fault(notebook.url, contains="Acme", kind="status", status=502)
    assert client.get("/notes/1").status_code == 200
    assert client.get("/notes/2").status_code == 500
    assert client.post("/notes", json={"client": "Birch"}).status_code == 201
    assert client.post("/notes", json={"client": "Acme"}).status_code == 502
    assert client.get("/notes/1", params={"client": "Acme"}).status_code == 502


def test_a_status_comes_with_the_error_of_the_service_or_with_a_body_and_headers_of_ones_own(
    notebook: Notebook, client: httpx.Client
) -> None:
    order_fault(notebook.url, kind="status", status=429, count=1, headers={"Retry-After": "1"})
    order_fault(notebook.url, kind="status", status=400, count=1, body={"error": "no"})
    order_fault(notebook.url, kind="status", status=400, count=1, body="plain words")
    limited = client.get("/notes/1")
    assert (limited.headers["Retry-After"], limited.json()) == ("1", {"status": 429, "path": "/notes/1"})
    assert client.get("/notes/1").json() == {"error": "no"}
    assert client.get("/notes/1").text == "plain words"


def test_before_the_commit_nothing_is_done(notebook: Notebook, client: httpx.Client) -> None:
    order_fault(notebook.url, method="POST", count=1, kind="status", status=500, when="before")
    assert client.post("/notes", json=1).status_code == 500
    assert notebook.written == []


def test_after_the_commit_the_work_is_done_and_the_answer_is_lost(notebook: Notebook, client: httpx.Client) -> None:
    order_fault(notebook.url, method="POST", count=1, kind="status", status=500, when="after")
    assert client.post("/notes", json=1).status_code == 500
    assert notebook.written == [1]


@pytest.mark.parametrize(("when", "written"), [("before", []), ("after", [1])])
def test_a_dropped_connection_gives_no_answer_at_all(
    notebook: Notebook, client: httpx.Client, when: str, written: list[int]
) -> None:
    order_fault(notebook.url, method="POST", count=1, kind="drop", when=when)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        client.post("/notes", json=1)
    assert notebook.written == written
    assert client.get("/_sandbox/log").json()[0]["status"] is None
    assert client.get("/notes/1").status_code == 200


def test_a_cut_connection_ends_in_the_middle_of_the_body(notebook: Notebook, client: httpx.Client) -> None:
    order_fault(notebook.url, method="POST", count=1, kind="cut")
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        client.post("/notes", json=1)
    assert notebook.written == [1]
    assert client.get("/notes/1").status_code == 200


def test_truncated_json_comes_as_a_whole_answer_that_cannot_be_read(notebook: Notebook, client: httpx.Client) -> None:
    order_fault(notebook.url, count=1, kind="truncate")
    answer = client.get("/notes/1")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_an_html_page_comes_as_success_unless_a_status_is_given(notebook: Notebook, client: httpx.Client) -> None:
    order_fault(notebook.url, count=1, kind="html")
    order_fault(notebook.url, count=1, kind="html", status=502)
    first, second = client.get("/notes/1"), client.get("/notes/1")
    assert (first.status_code, second.status_code) == (200, 502)
    assert first.headers["Content-Type"].startswith("text/html")
    assert "<html>" in first.text


def test_any_body_can_stand_for_the_answer(notebook: Notebook, client: httpx.Client) -> None:
    order_fault(notebook.url, count=1, kind="body", body={"note": "other"})
    order_fault(notebook.url, count=1, kind="body", body="{", status=201)
    assert client.get("/notes/1").json() == {"note": "other"}
    broken = client.get("/notes/1")
    assert (broken.status_code, broken.text) == (201, "{")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_slow_answer_outlasts_the_client_and_the_work_is_done_all_the_same(notebook: Notebook, when: str) -> None:
    order_fault(notebook.url, method="POST", count=1, kind="delay", seconds=1, when=when)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{notebook.url}/notes", json=1, timeout=0.1)
    assert notebook.written_now.wait(5)
    assert notebook.written == [1]


def test_a_commit_can_land_after_later_requests(notebook: Notebook, client: httpx.Client) -> None:
    order_fault(notebook.url, method="POST", count=1, kind="drop", commit_after_requests=2)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        client.post("/notes", json=1)
    client.get("/notes/1")
    assert notebook.written == []
    client.get("/notes/1")
    assert notebook.written == [1]


def test_a_late_commit_can_be_asked_for(notebook: Notebook, client: httpx.Client) -> None:
    order_fault(notebook.url, method="POST", count=1, kind="status", status=504, commit_after_requests=100)
    assert client.post("/notes", json=1).status_code == 504
    assert client.post("/_sandbox/commits").json() == {"committed": 1}
    assert notebook.written == [1]
    assert client.post("/_sandbox/commits").json() == {"committed": 0}


def test_control_requests_meet_no_faults_and_are_not_counted(notebook: Notebook, client: httpx.Client) -> None:
    order_fault(notebook.url, kind="drop")
    assert client.get("/_sandbox/clock").status_code == 200
    assert client.get("/_sandbox/requests").json() == {}


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"kind": "flood"},
        {"kind": "drop", "rout": "/notes"},
        {"kind": "drop", "when": "never"},
        {"kind": "drop", "count": "2"},
        {"kind": "delay", "seconds": "x"},
        "drop",
    ],
    ids=str,
)
def test_an_order_that_makes_no_sense_is_refused(client: httpx.Client, order: Any) -> None:
    answer = client.post("/_sandbox/faults", json=order)
    assert answer.status_code == 400
    assert client.get("/_sandbox/faults").json() == []


@pytest.mark.parametrize("retry_after", [True, False])
def test_a_rate_limit_refuses_what_goes_over_it_with_and_without_retry_after(
    notebook: Notebook, client: httpx.Client, retry_after: bool
) -> None:
    put(notebook.url, "rate_limit", {"requests": 2, "seconds": 60, "retry_after": retry_after})
    answers = [client.get("/notes/1") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert ("Retry-After" in answers[2].headers) is retry_after
    assert client.get("/_sandbox/rate_limit").json()["requests"] == 2
    assert client.delete("/_sandbox/rate_limit").json() is None
    assert read_statuses(client, 1) == [200]


def test_a_mistake_in_the_sandbox_is_a_500_and_in_the_log(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.get("/notes/broken").status_code == 500
    assert "The Notebook sandbox failed at GET /notes/broken" in caplog.text
    assert "a mistake in the sandbox" in caplog.text
    assert client.get("/notes/1").status_code == 200
