"""`resolve` as a clerk types it: what it says, what it refuses, and what a close does after it."""

from billing_pipeline_tests.cli.typing_commands import type_command
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.steps import Steps
from billing_pipeline_tests.scenarios.worlds import MONTH

WORDS = ("resolve", MONTH, "--client", "acme", "--by", "Jane Doe")
AFTER_THE_GRACE = "2026-10-05T18:00:00Z"


def said(text: str) -> str:
    """A text with its line ends taken out."""
    return " ".join(text.split())


def test_a_clerk_says_what_became_of_what_was_sent(msp: Provider) -> None:
    msp.disturb_halopsa("drop")
    Steps(msp).close()
    assert msp.value("select client from postings where status = 'unknown'") == "acme"

    for options in ((), ("--absent", "--invoice", "7")):
        typed = type_command(msp, *WORDS, *options)
        assert typed.exit_code == 2
        assert "Say what became of it: --invoice ID where HaloPSA has it as that invoice, --absent" in said(typed.all)
    typed = type_command(msp, *WORDS, "--absent")
    assert typed.exit_code == 1
    assert "document bp-d-" in typed.stderr
    assert "of acme over 12,345.60 USD may still arrive in HaloPSA: nobody can say before 20" in said(typed.stderr)
    assert type_command(msp, *WORDS, "--invoice", "-7").exit_code == 1

    msp.set_time(AFTER_THE_GRACE)
    typed = type_command(msp, *WORDS, "--absent")

    assert typed.exit_code == 0, typed.all
    assert f"{MONTH} of acme: HaloPSA does not have it, says Jane Doe" in typed.stdout
    assert "of acme over 12,345.60 USD" in said(typed.stdout)
    assert f"To plan and post it again: billing-pipeline close {MONTH} --client acme --post" in said(typed.stdout)
    assert "acme" not in {row[0] for row in msp.query("select client from postings where status = 'unknown'")}
    Steps(msp).close()
    assert msp.billed() == {1001: ["12345.60"], 1002: ["20.00"]}
    assert msp.adds_up()


def test_a_clerk_names_the_invoice_that_it_is(msp: Provider) -> None:
    msp.disturb_halopsa("drop", when="after")
    # Nothing is read back: HaloPSA answers no list after the writes.
    msp.disturb_halopsa("status", method="GET", status=500, count=1000, after=2)
    Steps(msp).close()
    msp.sandbox.halopsa_service.faults.clear()
    acme = next(one["id"] for one in msp.halopsa_invoices() if one["lines"][0]["unit_price"] > 100)

    typed = type_command(msp, *WORDS, "--invoice", str(acme))

    assert typed.exit_code == 0, typed.all
    assert f"{MONTH} of acme: HaloPSA has it as invoice {acme}, says Jane Doe" in typed.stdout
    assert msp.query("select distinct actor is not null, outcome from posting_journal where event = 'resolved'") == [
        (True, f"HaloPSA has it as invoice {acme}, says Jane Doe")
    ]
    Steps(msp).close()
    assert len(msp.halopsa_invoices()) == 2
    assert msp.adds_up()
