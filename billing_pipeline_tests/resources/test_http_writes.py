"""Writes: sent once, and afterwards it is clear whether nothing was written or nobody knows."""

from decimal import Decimal

import pytest

from billing_pipeline.billing.errors import NotWritten, OutcomeUnknown
from billing_pipeline.resources.halopsa import FACTS as HALOPSA_FACTS
from billing_pipeline_tests.resources.conftest import TOKEN, OpenService
from billing_pipeline_tests.resources.scripted_service import Reply, ScriptedService
from billing_pipeline_tests.resources.test_http_reads import unused_port

POST = "POST /v1/Invoice"


def test_decimals_are_sent_with_just_their_digits(service: ScriptedService, open_service: OpenService) -> None:
    service.reply(POST, Reply(201, {"id": 7}))
    document = [{"unit_price": Decimal("28.72"), "qty": Decimal("10.00"), "id": 3, "name": "größe"}]
    assert open_service(HALOPSA_FACTS).post("/Invoice", document) == {"id": 7}
    [asked] = service.calls(POST)
    assert asked.body == b'[{"unit_price":28.72,"qty":10.00,"id":3,"name":"gr\\u00f6\\u00dfe"}]'
    assert asked.headers["content-type"] == "application/json"


@pytest.mark.parametrize("wrong", [1.5, Decimal("NaN"), Decimal("-Infinity"), object()])
def test_what_is_not_exact_is_never_sent(service: ScriptedService, open_service: OpenService, wrong: object) -> None:
    service.reply(POST, Reply(201, {"id": 7}))
    with pytest.raises(NotWritten, match="was not sent"):
        open_service(HALOPSA_FACTS).post("/Invoice", [{"lines": [{"unit_price": wrong}]}])
    assert not service.asked


@pytest.mark.parametrize("status", [400, 403, 404, 422, 429])
def test_a_refused_write_is_not_written_and_not_repeated(
    service: ScriptedService, open_service: OpenService, status: int
) -> None:
    service.reply(POST, Reply(status, {"errorMessage": "bad tax_code"}))
    with pytest.raises(NotWritten, match="bad tax_code") as caught:
        open_service(HALOPSA_FACTS).post("/Invoice", [{}])
    assert caught.value.status == status
    assert len(service.calls(POST)) == 1


@pytest.mark.parametrize("status", [302, 408, 409, 500, 502, 503, 504])
def test_any_other_status_leaves_the_outcome_unknown_and_is_not_repeated(
    service: ScriptedService, open_service: OpenService, status: int
) -> None:
    service.reply(POST, Reply(status, "hm"))
    with pytest.raises(OutcomeUnknown, match=f"answered with {status}: it may have been written"):
        open_service(HALOPSA_FACTS).post("/Invoice", [{}])
    assert len(service.calls(POST)) == 1


@pytest.mark.parametrize("trouble", [Reply(drop=True), Reply(201, {"id": 7}, cut=True), Reply(hold=True)])
def test_no_answer_leaves_the_outcome_unknown_and_is_not_repeated(
    service: ScriptedService, open_service: OpenService, trouble: Reply
) -> None:
    service.reply(POST, trouble)
    with pytest.raises(OutcomeUnknown, match="got no answer"):
        open_service(HALOPSA_FACTS, timeout_seconds=0.2).post("/Invoice", [{}])
    assert len(service.calls(POST)) == 1


@pytest.mark.parametrize("body", ["<html>OK</html>", '{"id": 7', "", '{"id": NaN}'])
def test_an_unreadable_yes_leaves_the_outcome_unknown(
    service: ScriptedService, open_service: OpenService, body: str
) -> None:
    service.reply(POST, Reply(200, body))
    with pytest.raises(OutcomeUnknown, match="not readable JSON"):
        open_service(HALOPSA_FACTS).post("/Invoice", [{}])
    assert len(service.calls(POST)) == 1


def test_a_refused_connection_is_not_written(service: ScriptedService, open_service: OpenService) -> None:
    http = open_service(HALOPSA_FACTS, base_url=f"http://127.0.0.1:{unused_port()}/v1")
    with pytest.raises(NotWritten, match="was not sent: ConnectError") as caught:
        http.post("/Invoice", [{}])
    assert caught.value.status is None


def test_a_write_with_an_expired_token_is_sent_again_with_a_new_one(
    service: ScriptedService, open_service: OpenService
) -> None:
    service.reply(POST, Reply(401, "expired"), Reply(201, {"id": 7}))
    service.reply("POST /token", Reply(body=TOKEN), Reply(body={**TOKEN, "access_token": "token-2"}))
    assert open_service(HALOPSA_FACTS).post("/Invoice", [{"n": 1}]) == {"id": 7}
    first, second = service.calls(POST)
    assert first.body == second.body
    assert second.headers["authorization"] == "Bearer token-2"


def test_a_write_without_permission_names_the_right(service: ScriptedService, open_service: OpenService) -> None:
    service.reply(POST, Reply(401, "no"))
    with pytest.raises(NotWritten, match=r"may not write Invoice .*Grant edit:invoices") as caught:
        open_service(HALOPSA_FACTS).post("/Invoice", [{}])
    assert caught.value.status == 401


@pytest.mark.parametrize("token", [Reply(401, "no"), Reply(503), Reply(drop=True), Reply(body="<html>")])
def test_a_write_for_which_there_is_no_token_is_not_written(
    service: ScriptedService, open_service: OpenService, token: Reply
) -> None:
    service.reply("POST /token", token)
    with pytest.raises(NotWritten, match="was not sent"):
        open_service(HALOPSA_FACTS).post("/Invoice", [{}])
    assert not service.calls(POST)


def test_a_refused_write_whose_new_token_does_not_come_is_not_written(
    service: ScriptedService, open_service: OpenService
) -> None:
    service.reply(POST, Reply(401, "expired"))
    service.reply("POST /token", Reply(body=TOKEN), Reply(drop=True))
    with pytest.raises(NotWritten, match="was not sent"):
        open_service(HALOPSA_FACTS).post("/Invoice", [{}])
    assert len(service.calls(POST)) == 1
