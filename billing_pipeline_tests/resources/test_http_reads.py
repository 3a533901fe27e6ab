"""Reads: what is retried and how long, what is an error at once, and which error."""

import logging
import socket
import time
from decimal import Decimal

import pytest

from billing_pipeline.billing.errors import (
    CredentialsRefused,
    PermissionMissing,
    ServiceError,
    ServiceUnreachable,
    SettingsError,
    UnreadableAnswer,
)
from billing_pipeline.resources.halopsa import FACTS as HALOPSA_FACTS
from billing_pipeline.resources.http import demand_https, demand_values
from billing_pipeline.resources.retries import TRANSIENT_STATUSES, RetryPolicy
from billing_pipeline_tests.resources.conftest import QUICK, OpenService
from billing_pipeline_tests.resources.scripted_service import Reply, ScriptedService

THING = "GET /v1/things"


def unused_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_read_gives_the_text_to_the_byte_and_exact_numbers(
    service: ScriptedService, open_service: OpenService
) -> None:
    service.reply(THING, Reply(body='{"total": 0.10, "count": 3,\n "größe": 1e-7}'))
    answer = open_service().get("/things")
    assert answer.text == '{"total": 0.10, "count": 3,\n "größe": 1e-7}'
    assert answer.data == {"total": Decimal("0.10"), "count": 3, "größe": Decimal("1E-7")}
    assert str(answer.data["total"]) == "0.10"


@pytest.mark.parametrize("status", sorted(TRANSIENT_STATUSES))
def test_a_transient_status_passes_with_another_try(
    service: ScriptedService, open_service: OpenService, status: int
) -> None:
    service.reply(THING, Reply(status, "trouble"), Reply(status, "trouble"), Reply(body=[1]))
    assert open_service().get("/things").data == [1]
    assert len(service.calls(THING)) == 3


@pytest.mark.parametrize("trouble", [Reply(drop=True), Reply(body=list(range(100)), cut=True)])
def test_a_connection_that_breaks_before_or_in_the_answer_is_tried_again(
    service: ScriptedService, open_service: OpenService, trouble: Reply
) -> None:
    service.reply(THING, trouble, Reply(body=[1]))
    assert open_service().get("/things").data == [1]
    assert len(service.calls(THING)) == 2


def test_retries_are_bounded_in_number(service: ScriptedService, open_service: OpenService) -> None:
    service.reply(THING, Reply(503, "down for maintenance"))
    with pytest.raises(ServiceUnreachable, match=r"503 .*Try again later.*down for maintenance"):
        open_service().get("/things")
    assert len(service.calls(THING)) == QUICK.attempts


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "3600"}])
def test_retries_of_429_are_bounded_in_total_waiting(
    service: ScriptedService, open_service: OpenService, headers: dict[str, str]
) -> None:
    service.reply(THING, Reply(429, "slow down", headers))
    policy = RetryPolicy(attempts=1000, backoff=0.01, longest_wait=0.05, total_wait=0.2)
    began = time.monotonic()
    with pytest.raises(ServiceUnreachable, match="429"):
        open_service(policy=policy).get("/things")
    assert time.monotonic() - began < 2
    assert 3 <= len(service.calls(THING)) < 60


def test_retry_after_is_waited_for_and_told(
    service: ScriptedService, open_service: OpenService, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "billing_pipeline.waits")
    service.reply(THING, Reply(429, "slow down", {"Retry-After": "1"}), Reply(body=[1]))
    policy = RetryPolicy(attempts=3, backoff=0.001, longest_wait=2, total_wait=2)
    open_service(policy=policy).get("/things")
    first, second = service.calls(THING)
    assert second.at - first.at >= 0.95
    waits = [record.getMessage() for record in caplog.records if record.name == "billing_pipeline.waits"]
    assert waits == ["Too many requests for now (429): reading goes on in 1 seconds"]


def test_a_429_without_advice_waits_longer_than_a_503(service: ScriptedService, open_service: OpenService) -> None:
    policy = RetryPolicy(attempts=3, backoff=0.05, longest_wait=5, total_wait=5)
    gaps = {}
    for status in (503, 429):
        service.reply(f"GET /v1/{status}", Reply(status, "no"), Reply(body=[1]))
        open_service(policy=policy).get(f"/{status}")
        first, second = service.calls(f"GET /v1/{status}")
        gaps[status] = second.at - first.at
    # Backoffs of 0.05 to 0.1 seconds, and eight times that.
    assert gaps[429] >= 0.38
    assert gaps[503] >= 0.04


@pytest.mark.parametrize("status", [400, 404, 405, 409, 422, 501, 505])
def test_a_permanent_status_is_not_tried_again(
    service: ScriptedService, open_service: OpenService, status: int
) -> None:
    service.reply(THING, Reply(status, {"message": "no such filter"}))
    with pytest.raises(ServiceError, match=str(status)):
        open_service().get("/things")
    assert len(service.calls(THING)) == 1


def test_a_refusal_says_what_the_service_said_in_short(service: ScriptedService, open_service: OpenService) -> None:
    service.reply(THING, Reply(422, "bad filter\n" + "x" * 10_000))
    with pytest.raises(ServiceError) as caught:
        open_service().get("/things")
    text = str(caught.value)
    assert "Pax8: GET /things was answered with 422" in text
    assert "bad filter xxx" in text
    assert len(text) < 600


def test_a_403_names_the_right_to_grant(service: ScriptedService, open_service: OpenService) -> None:
    service.reply("GET /v1/invoices/44444444-4444-4444-8444-444444444410/items", Reply(403, {"message": "no"}))
    with pytest.raises(PermissionMissing, match=r"right to read invoices .*Integrations Hub"):
        open_service().get("/invoices/44444444-4444-4444-8444-444444444410/items")


def test_a_401_after_a_new_token_is_a_missing_permission_on_halopsa(
    service: ScriptedService, open_service: OpenService
) -> None:
    service.reply("GET /v1/Invoice", Reply(401, "no"))
    with pytest.raises(PermissionMissing, match=r"may not read Invoice .*Grant read:invoices to the API app"):
        open_service(HALOPSA_FACTS).get("/Invoice")
    assert len(service.calls("GET /v1/Invoice")) == 2
    assert len(service.calls("POST /token")) == 2


def test_a_401_after_a_new_token_is_about_credentials_on_pax8(
    service: ScriptedService, open_service: OpenService
) -> None:
    service.reply(THING, Reply(401, "no"))
    with pytest.raises(CredentialsRefused, match="PAX8_AUDIENCE"):
        open_service().get("/things")


def test_a_redirect_is_not_followed(service: ScriptedService, open_service: OpenService) -> None:
    service.reply(THING, Reply(302, "", {"Location": f"{service.url}/v1/other"}))
    with pytest.raises(UnreadableAnswer, match=r"redirect.*PAX8_BASE_URL"):
        open_service().get("/things")
    assert not service.calls("GET /v1/other")


@pytest.mark.parametrize(
    "body",
    [
        '{"content": [{"id": 1}, {"i',
        "<html>Maintenance</html>",
        "",
        '{"total": NaN}',
        "[Infinity]",
        "[" * 9999,
        b'{"name": "\xff"}',
    ],
)
def test_what_is_no_json_is_read_once_more_and_then_refused(
    service: ScriptedService, open_service: OpenService, body: str | bytes
) -> None:
    service.reply(THING, Reply(body=body))
    with pytest.raises(UnreadableAnswer, match="GET /things is not readable JSON, twice"):
        open_service().get("/things")
    assert len(service.calls(THING)) == 2


def test_an_error_page_that_passes_is_forgotten(service: ScriptedService, open_service: OpenService) -> None:
    service.reply(THING, Reply(body="<html>Maintenance</html>"), Reply(body=[1]))
    assert open_service().get("/things").data == [1]


def test_a_byte_order_mark_is_kept_in_the_text_and_ignored_in_the_value(
    service: ScriptedService, open_service: OpenService
) -> None:
    service.reply(THING, Reply(body=b"\xef\xbb\xbf[1]"))
    answer = open_service().get("/things")
    assert answer.data == [1]
    assert answer.text.encode() == b"\xef\xbb\xbf[1]"


def test_a_slow_answer_is_given_up(service: ScriptedService, open_service: OpenService) -> None:
    service.reply(THING, Reply(hold=True))
    with pytest.raises(ServiceUnreachable, match="ReadTimeout"):
        open_service(timeout_seconds=0.05).get("/things")
    assert len(service.calls(THING)) == QUICK.attempts


def test_a_slow_token_service_is_given_up(service: ScriptedService, open_service: OpenService) -> None:
    service.reply("POST /token", Reply(hold=True))
    with pytest.raises(ServiceUnreachable, match=r"ReadTimeout.*PAX8_TOKEN_URL"):
        open_service(timeout_seconds=0.05).get("/things")


def test_an_unreachable_host_names_the_address_and_the_variable(open_service: OpenService) -> None:
    port = unused_port()
    http = open_service(base_url=f"http://127.0.0.1:{port}/v1")
    with pytest.raises(ServiceUnreachable, match=f"http://127.0.0.1:{port}: ConnectError.*PAX8_BASE_URL"):
        http.get("/things")


def test_requests_are_counted_by_route_with_every_try(service: ScriptedService, open_service: OpenService) -> None:
    invoice = "/invoices/44444444-4444-4444-8444-444444444410"
    service.reply(f"GET /v1{invoice}", Reply(503), Reply(body={}))
    service.reply("GET /v1/RecurringInvoice/-5", Reply(body={}))
    http = open_service()
    http.get(invoice)
    http.get("/RecurringInvoice/-5")
    assert http.requests == {
        "POST /token": 1,
        "GET /invoices/{id}": 2,
        "GET /RecurringInvoice/{id}": 1,
    }


@pytest.mark.parametrize("url", ["http://api.pax8.com/v1", "http://10.0.0.1", "http://127.0.0.1.evil.example"])
def test_plain_http_is_for_this_machine_only(url: str) -> None:
    with pytest.raises(SettingsError, match="PAX8_BASE_URL is plain http"):
        demand_https(url, "PAX8_BASE_URL")


@pytest.mark.parametrize("url", ["", "api.pax8.com", "ftp://api.pax8.com", "https://", "https://x:port"])
def test_what_is_no_address_is_named(url: str) -> None:
    with pytest.raises(SettingsError, match="PAX8_BASE_URL is not an address"):
        demand_https(url, "PAX8_BASE_URL")


def test_an_address_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(SettingsError, match="user or password") as caught:
        demand_https("https://me:hidden@api.pax8.com", "PAX8_BASE_URL")
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://api.pax8.com/v1", "http://127.0.0.1:8080", "http://localhost/v1"])
def test_https_and_loopback_are_taken(url: str) -> None:
    demand_https(url, "PAX8_BASE_URL")


def test_all_missing_values_are_named_at_once() -> None:
    with pytest.raises(SettingsError, match="A_ID, A_SECRET not set"):
        demand_values("A", {"A_URL": "x", "A_ID": "", "A_SECRET": " "})
