"""A month that nobody touched is proved, for each behaviour, in few requests."""

import json
from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from billing_pipeline.billing.errors import BillingPipelineError, PostingRefused, WarehouseError
from billing_pipeline.commands.month_report import print_cents, print_findings, verdict
from billing_pipeline.commands.outcome import DONE, HELD
from billing_pipeline.commands.verify import print_verified
from billing_pipeline.steps.journal import HEAD_FILE, append
from billing_pipeline.steps.month_summary import summarize_month
from billing_pipeline.steps.posting_state import make_writer
from billing_pipeline.steps.publish import publish
from billing_pipeline_tests.behaviours.provider import BROWSER, Provider
from billing_pipeline_tests.behaviours.world import (
    ACME,
    BIRCH,
    NOVEMBER,
    OCTOBER,
    bill,
    invoice,
    licence,
    make_world,
    numbered,
    template,
)
from billing_pipeline_tests.reversals.undoing import take_back


@pytest.mark.parametrize(
    ("behaviour", "others"),
    [
        ({"target": "new"}, {}),
        ({"target": "latest"}, {"invoices": [invoice(70), invoice(71, BIRCH)]}),
        ({"target": "recurring"}, {"templates": [template(-7), template(-8, BIRCH)]}),
    ],
    ids=["new", "latest", "recurring"],
)
def test_a_month_that_nobody_touched_is_proved(
    provider: Provider, behaviour: dict[str, str], others: dict[str, Any]
) -> None:
    lines = [licence("mail", ACME, "10.00", "8.00"), licence("backup", ACME, "30.00"), licence("voice", BIRCH, "7.10")]
    provider.set_up(make_world([ACME, BIRCH], [bill(OCTOBER, *lines)], **others), [ACME, BIRCH], behaviour)
    provider.close()

    verified = provider.verify()

    assert verified.is_settled
    assert (verified.documents, verified.lines, verified.replaced_lines) == (2, 3, 0)
    assert [(one.client, one.planned, one.posted, one.now) for one in verified.clients] == [
        ("client-1", 40, 40, 40),
        ("client-2", Decimal("7.10"), Decimal("7.10"), Decimal("7.10")),
    ]
    assert provider.rows("select 1 from findings where step = 'verify'") == []
    (row,) = provider.rows("select * from posting_journal order by seq desc limit 1")
    assert (row["event"], row["month"], row["outcome"]) == ("verified", OCTOBER, "as posted")
    assert '"money":{"USD":{"now":"47.1","planned":"47.1","posted":"47.1","replaced":"0"}}' in row["detail"]
    assert provider.verify().head.rows == row["seq"], "the row of a verification is the next one's to count"


def post_october(provider: Provider, number: int = 2) -> None:
    """Post a line of 10.00 for each of some clients."""
    clients = [numbered(one) for one in range(1, number + 1)]
    lines = [licence(f"mail-{one.key}", one, "10.00") for one in clients]
    provider.set_up(make_world(clients, [bill(OCTOBER, *lines)]), clients, {"target": "new"})
    provider.close()


def test_verifying_costs_pages_and_not_documents(provider: Provider) -> None:
    post_october(provider, 12)
    before = Counter(provider.halo.requests)
    assert provider.verify().documents == 12
    spent = Counter(provider.halo.requests) - before
    # A page that brings nothing new tells that a list has ended.
    assert spent == {"GET /Invoice": 2, "GET /RecurringInvoice": 1}


def test_only_a_document_that_the_bulk_read_lacks_is_asked_for(provider: Provider) -> None:
    post_october(provider, 3)
    first, second, _ = provider.invoice_ids()
    provider.agent("delete", first)
    provider.agent("edit", second, fields={"invoice_date": "2025-10-01T00:00:00"})
    # As a command of its own, which has seen nothing before.
    provider.halo.forget()
    before = Counter(provider.halo.requests)
    assert [one.kind for one in provider.verify().drift] == ["document_gone", "date_changed"]
    assert (Counter(provider.halo.requests) - before)["GET /Invoice/{id}"] == 2


def test_known_drift_is_no_clean_month_until_verify_finds_it_put_right(
    provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    post_october(provider)
    provider.agent("edit_line", 1, line_id=1, fields={"unit_price": "90.00"})
    assert not provider.verify().agrees
    provider.close()

    drifted = summarize_month(provider.warehouse, OCTOBER)
    assert drifted is not None
    assert [verdict(drifted, posted=posted) for posted in (False, True)] == [HELD, HELD]
    print_cents(drifted)
    print_findings(drifted)
    told = " ".join(capsys.readouterr().out.split())
    assert f"What verify found; billing-pipeline verify {OCTOBER} looks again - client-1: HaloPSA invoice 1" in told
    assert "read back from HaloPSA: the same" not in told
    assert "Worth a look" not in told

    provider.agent("edit_line", 1, line_id=1, fields={"unit_price": "10.00"})
    assert provider.verify().agrees
    mended = summarize_month(provider.warehouse, OCTOBER)
    assert mended is not None
    assert verdict(mended, posted=True) == DONE


def refused(provider: Provider) -> str:
    before = provider.rows("select * from posting_journal order by all")
    with pytest.raises(BillingPipelineError) as caught:
        provider.verify()
    assert provider.rows("select * from posting_journal order by all") == before
    assert caught.value.exit_code == 1
    return str(caught.value)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("update posting_journal set outcome = 'x' where seq = 3", "row 3 of the posting journal was changed"),
        ("delete from posting_journal where seq = 2", "row 2 of the posting journal is missing"),
        ("delete from posting_journal where seq > 4", "ends at row 4, but had 6 rows when it was published"),
        ("delete from posting_journal", "ends at row 0, but had 6 rows when it was published"),
    ],
    ids=["edited", "missing", "cut", "emptied"],
)
def test_a_journal_that_is_not_whole_is_found(provider: Provider, sql: str, said: str) -> None:
    post_october(provider)
    publish(provider.warehouse)
    provider.rows(sql)
    text = refused(provider)
    assert said in text
    assert ". Nothing of 2026-10 is proved." in text
    assert "Put the newest whole database in its place, a backup or the" in text
    published = provider.warehouse.published / "billing.duckdb"
    assert f"published copy {published}, then run billing-pipeline verify 2026-10 again." in text
    assert "a folder of its own (BILLING_WAREHOUSE)" in text


def test_rows_that_were_cut_and_written_anew_are_found(provider: Provider) -> None:
    post_october(provider)
    publish(provider.warehouse)
    provider.rows("delete from posting_journal where seq = 6")
    with provider.warehouse.session("forge") as session:
        append(session, make_writer(provider.halo, "run"), "posted", datetime(2026, 10, 6), month=OCTOBER)  # noqa: DTZ001
    assert "row 6 of the posting journal is not the one that was published" in refused(provider)


def test_another_halopsa_is_refused(provider: Provider) -> None:
    post_october(provider)
    provider.rows("update posting_journal set halopsa_tenant = 'other'")
    said = refused(provider)
    assert "belongs to HaloPSA" in said
    assert "(tenant 'example'). Nothing of 2026-10 is proved. Correct HALOPSA_RESOURCE_SERVER" in said
    assert "HALOPSA_TENANT, then run billing-pipeline verify 2026-10 again." in said
    assert said.endswith("Never give a new database to the same HaloPSA: it would not know what was posted.")


def test_what_was_verified_or_released_is_noted_before_it_is_published(provider: Provider) -> None:
    post_october(provider)
    note = provider.warehouse.published / HEAD_FILE
    for act in (provider.verify, provider.release):
        act()
        for number in provider.invoice_ids():
            provider.agent("delete", number)
    (row,) = provider.rows("select seq, event, row_hash from posting_journal order by seq desc limit 1")
    assert row["event"] == "released"
    assert json.loads(note.read_text()) == {"rows": row["seq"], "row_hash": row["row_hash"]}
    provider.rows("delete from posting_journal where seq = ?", row["seq"])
    assert f"ends at row {row['seq'] - 1}, but had {row['seq']} rows" in refused(provider)


@pytest.mark.parametrize("content", ["", '{"rows": 3', "[]", '{"rows": "many", "row_hash": ""}', b"\xff"])
def test_a_note_of_the_journal_that_cannot_be_read_is_never_taken_for_none(
    provider: Provider, content: str | bytes
) -> None:
    post_october(provider)
    publish(provider.warehouse)
    note = provider.warehouse.published / HEAD_FILE
    note.write_bytes(content if isinstance(content, bytes) else content.encode())
    written = note.read_bytes()
    provider.rows("delete from posting_journal where seq = 6")
    said = refused(provider)
    assert said.startswith(f"Nothing of 2026-10 is proved. {note} notes where the posting journal stood, and cannot be")
    assert "Put it back from a backup. Where there is none, compare posting_journal with the published copy" in said
    assert said.endswith("if it lacks no row, delete the note, then run this again.")
    with pytest.raises(PostingRefused, match=r"Nothing was posted for 2026-10\. .* cannot be read"):
        provider.post()
    with pytest.raises(PostingRefused, match=r"Nothing was released of client-1 for 2026-10\. .* cannot be read"):
        provider.release()
    with pytest.raises(WarehouseError, match="whether rows were cut off since is not known"):
        publish(provider.warehouse)
    assert note.read_bytes() == written


def test_a_month_that_was_never_fetched_says_so(provider: Provider) -> None:
    post_october(provider)
    with pytest.raises(BillingPipelineError, match=r"2026-11 was never fetched into .* close it first"):
        provider.verify(NOVEMBER)


def test_a_month_without_postings_is_proved_to_be_empty(provider: Provider) -> None:
    provider.set_up(make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))]), [ACME], {"target": "new"})
    provider.close(send=False)
    verified = provider.verify()
    assert verified.is_settled
    assert (verified.documents, verified.lines) == (0, 0)
    assert [(one.client, one.planned, one.posted, one.now) for one in verified.clients] == [("client-1", 10, 0, 0)]


def test_what_was_planned_and_taken_back_comes_to_nothing(provider: Provider) -> None:
    post_october(provider)
    take_back(provider)
    verified = provider.verify()
    assert verified.is_settled
    assert [(one.documents, one.planned, one.posted, one.now) for one in verified.clients] == [
        (2, 0, 0, 0),
        (1, 10, 10, 10),
    ]


def test_what_is_unknown_is_told_and_its_key_is_no_strangers(
    provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.set_up(make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))]), [ACME], {"target": "new"})
    provider.prepare()
    provider.disturb("status", status=500, commit_after_requests=1000)
    assert provider.post().unknown
    BROWSER.post(f"{provider.sandbox.halopsa_url}/_sandbox/commits").raise_for_status()
    assert len(provider.invoice_ids()) == 1
    verified = provider.verify()
    assert verified.drift == ()
    assert not verified.is_settled
    (said,) = verified.opened
    assert said.startswith("client-1: document bp-d-")
    assert (
        "nobody knows yet whether HaloPSA has it; billing-pipeline close 2026-10 --client client-1 --post looks" in said
    )
    print_verified(verified, "https://psa.example.com/api")
    assert "To settle it: billing-pipeline close 2026-10 --post" in capsys.readouterr().out


def test_a_held_client_keeps_the_month_from_being_settled(provider: Provider) -> None:
    lines = [licence("mail", ACME, "10.00"), licence("voice", BIRCH, "7.00")]
    provider.set_up(make_world([ACME], [bill(OCTOBER, *lines)]), [ACME], {"target": "new"})
    provider.close()
    verified = provider.verify()
    assert verified.agrees
    assert not verified.is_settled
    assert verified.held_clients == 1


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            "delete from postings where client = 'client-2'",
            "client-2: the journal has document bp-d-",
        ),
        (
            "update postings set halopsa_invoice_id = 77 where client = 'client-2'",
            "client-2: the table postings has document bp-d-",
        ),
        (
            "update posted_lines set sell = 11 where client = 'client-2'",
            "was posted over 10.00 USD, its lines come to 11.00 USD. Put the newest whole database in its place",
        ),
        ("delete from normalized_charges where client = 'client-2'", "2 invoice lines and 1 explained in USD: "),
        (
            "update modified_charges set outcome = 'settled'; delete from posted_source_lines where month = '2026-10'",
            "invoice lines without a fate: 2. Close it again: billing-pipeline close 2026-10.",
        ),
        (
            "update normalized_charges set sell = 12 where client = 'client-2'",
            "client-2: 2.00 USD of sell and 0.00 USD of cost are neither billed nor explained. Close it again",
        ),
        (
            "delete from raw_invoice_items where source_line_id like '%-2'",
            "Pax8 counts 2 lines, stored are 1. Close it again: billing-pipeline close 2026-10.",
        ),
    ],
    ids=["posting", "id", "money", "charge", "fate", "gap", "item"],
)
def test_books_that_do_not_agree_are_found(provider: Provider, sql: str, said: str) -> None:
    post_october(provider)
    provider.rows(sql)
    verified = provider.verify()
    assert any(said in text for text in verified.unexplained), verified.unexplained
    assert not verified.agrees
    rows = provider.rows("select detail from findings where step = 'verify' and kind = 'not_explained'")
    assert sorted(row["detail"] for row in rows) == sorted(verified.unexplained)


def test_what_is_posted_meanwhile_is_no_strangers(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [licence("mail", ACME, "10.00"), licence("voice", BIRCH, "7.00")]
    world = make_world([ACME, BIRCH], [bill(OCTOBER, *lines)])
    provider.set_up(world, [ACME], {"target": "new"})
    provider.close()
    provider.configure([ACME, BIRCH], {"target": "new"})
    provider.prepare()
    read = provider.halo.recurring_invoices

    def post_first(*, include_lines: bool = True) -> list[dict[str, Any]]:
        monkeypatch.undo()
        provider.post()
        return read(include_lines)

    monkeypatch.setattr(provider.halo, "recurring_invoices", post_first)
    verified = provider.verify()
    assert provider.fates() == {"posted"}
    assert verified.agrees
    assert verified.documents == 1, "what came after the first look is the next verification's"
    assert provider.verify().documents == 2
