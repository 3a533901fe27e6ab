"""Lines on a recurring invoice: HaloPSA bills them when it issues it, so they are never credited from here."""

from decimal import Decimal

from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import ACME, OCTOBER, bill, licence, make_world, template
from billing_pipeline_tests.reversals.undoing import adds_up, newest, refusal, take_back

RECURRING = {"target": "recurring"}
REVERSE = f"billing-pipeline reverse {OCTOBER} --client client-1"


def set_up(provider: Provider) -> None:
    """Acme's licence stands on its recurring invoice, its prorate on an invoice of ours."""
    lines = [licence("mail", ACME, "10.00"), licence("extra", ACME, "1.50", type="prorate")]
    provider.set_up(make_world([ACME], [bill(OCTOBER, *lines)], templates=[template(-7)]), [ACME], RECURRING)
    provider.close()


def our_line(provider: Provider) -> int:
    """The id of our line on the recurring invoice."""
    (line_id,) = provider.places(-7).values()
    return line_id


def test_what_was_never_issued_is_not_credited(provider: Provider) -> None:
    set_up(provider)

    text = refusal(provider)

    assert "HaloPSA recurring invoice -7 of client-1 over 10.00 USD was not issued since" in text
    assert "a credit would give money away" in text
    assert f"Delete lines {our_line(provider)} there. Then {REVERSE} takes back what else was posted" in text
    assert f"billing-pipeline release {OCTOBER} --client client-1 lets the charges be billed again" in text


def test_once_its_lines_are_inactive_or_gone_the_rest_is_taken_back(provider: Provider) -> None:
    set_up(provider)
    provider.agent("edit_line", -7, line_id=our_line(provider), fields={"isinactive": True})
    before = provider.document(-7)

    result = take_back(provider)

    assert result.reversal is not None
    (note,) = result.reversal.notes
    assert note == (
        "HaloPSA recurring invoice -7 of client-1 over 10.00 USD was never issued with our lines, and they are "
        "inactive or gone: nothing of them is to be taken back"
    )
    assert [line["net_amount"] for line in newest(provider)["lines"]] == [Decimal("-1.50")]
    assert provider.document(-7) == before
    assert adds_up(provider)

    provider.agent("delete_line", -7, line_id=our_line(provider))
    again = take_back(provider).reversal
    assert again is not None
    assert (again.plan.documents, len(again.notes)) == ((), 1)


def test_what_halopsa_issued_does_not_keep_the_rest_from_being_taken_back(provider: Provider) -> None:
    set_up(provider)
    (issued,) = provider.issue("2026-11-01T07:00:00Z")

    result = take_back(provider)

    assert result.reversal is not None
    (note,) = result.reversal.notes
    assert note == (
        "HaloPSA recurring invoice -7 of client-1 over 10.00 USD was issued since: HaloPSA made that invoice by itself "
        f"(look at invoice {issued}). Credit that one in HaloPSA; what it bills of ours: billing-pipeline review "
        f"{OCTOBER}"
    )
    assert [line["net_amount"] for line in newest(provider)["lines"]] == [Decimal("-1.50")]
    assert provider.document(issued)["lines"], "HaloPSA's own"
    assert adds_up(provider)

    writes = provider.writes()
    again = take_back(provider).reversal
    assert again is not None
    assert (again.plan.documents, again.notes) == ((), (note,))
    assert provider.writes() == writes


def test_what_halopsa_issued_is_credited_there(provider: Provider) -> None:
    lines = [licence("mail", ACME, "10.00")]
    provider.set_up(make_world([ACME], [bill(OCTOBER, *lines)], templates=[template(-7)]), [ACME], RECURRING)
    provider.close()
    (issued,) = provider.issue("2026-11-01T07:00:00Z")

    text = refusal(provider)

    assert "HaloPSA recurring invoice -7 of client-1 over 10.00 USD was issued since" in text
    assert f"(look at invoice {issued}). Credit that one in HaloPSA" in text
    assert f"billing-pipeline review {OCTOBER}" in text

    # What was issued stays issued, whatever becomes of the line.
    provider.agent("delete_line", -7, line_id=our_line(provider))
    assert "was issued since" in refusal(provider)


def test_a_recurring_invoice_that_is_gone_tells_nothing(provider: Provider) -> None:
    set_up(provider)
    provider.agent("delete", -7)
    text = refusal(provider)
    assert "HaloPSA recurring invoice -7 of client-1 over 10.00 USD is not there any more" in text
    assert "If it was, credit the invoice that it issued in HaloPSA" in text
    assert f"billing-pipeline verify {OCTOBER}" in text
