"""The grace counts from the moment of each request, however long the run took before it."""

from datetime import timedelta
from typing import Any

import pytest

from billing_pipeline_tests.behaviours.provider import BROWSER, Provider
from billing_pipeline_tests.behaviours.world import OCTOBER, bill, licence, make_world, numbered

# Sixteen minutes after the run began, six after the request was sent; the grace is fifteen.
SOON = "2026-10-06T15:16:00Z"
AFTER_THE_GRACE = "2026-10-06T15:26:00Z"
SLOW = timedelta(minutes=10)
CLIENTS = [numbered(1), numbered(2)]
CREATE = {"product_lifecycle": {"mode": "create"}, "codes": {}}


class Killed(BaseException):
    """The process is gone."""


def set_up(provider: Provider, settings: dict[str, Any]) -> None:
    lines = [licence("mail", CLIENTS[0], "10.00"), licence("voice", CLIENTS[1], "7.00")]
    provider.set_up(make_world(CLIENTS, [bill(OCTOBER, *lines)]), CLIENTS, {"target": "new"}, settings=settings)


def let_late_writes_arrive(provider: Provider) -> None:
    BROWSER.post(f"{provider.sandbox.halopsa_url}/_sandbox/commits").raise_for_status()


@pytest.mark.parametrize("killed", [False, True])
def test_a_document_sent_late_in_a_long_run_gets_the_whole_grace(
    provider: Provider, killed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(provider, {})
    provider.prepare()
    provider.disturb("drop", contains='"client_id":202', commit_after_requests=10_000)
    send = provider.halo.create_invoice

    def send_slowly(body: Any) -> Any:
        try:
            return send(body)
        except Exception:
            if killed:
                raise Killed from None
            raise
        finally:
            provider.passed += SLOW

    with monkeypatch.context() as patched:
        patched.setattr(provider.halo, "create_invoice", send_slowly)
        try:
            provider.post()
        except Killed:
            assert killed

    provider.now = SOON
    provider.close()
    assert provider.writes() == 2, "it may still arrive"
    assert provider.holds() == [("client-2", "unknown_outcome")]

    provider.now = AFTER_THE_GRACE
    let_late_writes_arrive(provider)
    provider.close()
    assert provider.writes() == 2
    assert provider.invoice_ids() == [1, 2]
    assert provider.prove().whole


def test_the_wait_for_a_turn_among_the_requests_is_no_part_of_the_grace(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(provider, {})
    provider.prepare()
    provider.disturb("drop", contains='"client_id":201', commit_after_requests=10_000)
    send = provider.halo.create_invoice

    def wait_and_send(body: Any) -> Any:
        provider.passed += SLOW
        return send(body)

    with monkeypatch.context() as patched:
        patched.setattr(provider.halo, "create_invoice", wait_and_send)
        provider.post()

    provider.now = SOON
    provider.close()
    assert provider.writes() == 2, "it may still arrive"

    let_late_writes_arrive(provider)
    provider.close()
    assert provider.invoice_ids() == [1, 2]


def test_an_item_sent_late_in_a_long_run_gets_the_whole_grace(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(provider, CREATE)
    provider.prepare()
    create_group = provider.halo.create_product_group

    def create_slowly(body: Any) -> Any:
        provider.passed += SLOW
        return create_group(body)

    provider.disturb("drop", route="/api/Item", contains='"name":"Mail"', commit_after_requests=10_000)
    with monkeypatch.context() as patched:
        patched.setattr(provider.halo, "create_product_group", create_slowly)
        provider.post()
    assert provider.writes("/api/Item") == 2

    provider.now = SOON
    provider.close()
    assert provider.writes("/api/Item") == 2, "it may still arrive"

    let_late_writes_arrive(provider)
    provider.close()
    assert provider.writes("/api/Item") == 2
    assert provider.invoice_ids() == [1, 2]
