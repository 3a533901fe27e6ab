"""The gates of the posting step: only a sealed plan of the newest state goes out, to the HaloPSA it was made for."""

import re
import shutil

import pytest

from billing_pipeline.billing.errors import PostingRefused, WarehouseError
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.steps.publish import publish
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.steps import Steps
from billing_pipeline_tests.scenarios.worlds import ACME, BIRCH, make_invoice, make_line, make_world


@pytest.fixture
def prepared(provider: Provider) -> Steps:
    """A month with sealed plans, Acme's over 10.00 and Birch's over 20.00, and nothing posted."""
    lines = [make_line(1, ACME, "10.00", "8.00"), make_line(2, BIRCH, "20.00", "16.00")]
    provider.set_up(make_world([ACME, BIRCH], [make_invoice(lines)]), [ACME, BIRCH])
    steps = Steps(provider)
    steps.close(post=False)
    return steps


def refused(steps: Steps, *texts: str) -> None:
    """Posting is refused with these texts, and HaloPSA was sent nothing."""
    posts = steps.provider.posts()
    with pytest.raises(PostingRefused, match=".*".join(re.escape(text) for text in texts)):
        steps.post()
    assert steps.provider.posts() == posts


def test_a_plan_that_was_edited_in_the_database_is_not_posted(prepared: Steps) -> None:
    prepared.provider.query('update plans set plan = replace(plan, \'"sell":"20"\', \'"sell":"21"\')')

    refused(
        prepared,
        "The plan of birch for 2026-10 over 21.00 USD was changed after it was sealed. Nothing was posted.",
        "close 2026-10",
    )


def test_a_plan_made_before_the_invoice_was_fetched_again_is_not_posted(prepared: Steps) -> None:
    prepared.fetch()

    refused(
        prepared,
        "The plan of acme for 2026-10 over 10.00 USD was made before the invoice was fetched again.",
        "Prepare it again: billing-pipeline close 2026-10, look at it: billing-pipeline review 2026-10, and post it: "
        "billing-pipeline close 2026-10 --post.",
    )


def test_a_plan_made_with_other_settings_is_not_posted(prepared: Steps) -> None:
    prepared.provider.set_settings(settings={"modifiers": {"drop_zero": True}})

    refused(
        prepared,
        "The plan of acme for 2026-10 over 10.00 USD was made with other settings than those in the settings folder",
    )


def test_another_tenant_or_address_is_refused_once_something_was_posted(prepared: Steps) -> None:
    prepared.post("acme")
    prepared.provider.query("update posting_journal set halopsa_tenant = halopsa_tenant")
    prepared.provider.sandbox.halopsa.tenant = "another"

    refused(
        prepared,
        "journal belongs to HaloPSA",
        "(tenant 'example')",
        "(tenant 'another'). Nothing was posted for 2026-10.",
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "update posting_journal set outcome = 'as we like it' where seq = 2",
            "row 2 of the posting journal was changed",
        ),
        (
            "update posting_journal set halopsa_invoice_id = 99 where seq = 2",
            "row 2 of the posting journal was changed",
        ),
        ("delete from posting_journal where seq = 2", "row 2 of the posting journal is missing"),
        ("delete from posting_journal where seq = 1", "row 1 of the posting journal is missing"),
    ],
)
def test_a_journal_that_somebody_touched_refuses_every_posting(prepared: Steps, change: str, said: str) -> None:
    prepared.post("acme")
    prepared.provider.query(change)

    refused(
        prepared,
        said,
        "Nothing was posted for 2026-10.",
        "published",
        "billing.duckdb",
        "billing-pipeline close 2026-10 --post again",
    )


def test_a_journal_whose_last_rows_were_cut_off_refuses_every_posting(prepared: Steps) -> None:
    prepared.post("acme")
    publish(Warehouse(prepared.provider.warehouse))
    prepared.provider.query("delete from posting_journal where seq = 3")

    refused(prepared, "the posting journal ends at row 2, but had 3 rows when it was published")


def test_a_posting_run_alone_notes_where_the_journal_stands(prepared: Steps) -> None:
    prepared.post("acme")
    prepared.provider.query("delete from posting_journal where seq = 3")

    refused(prepared, "the posting journal ends at row 2, but had 3 rows when it was published")


def test_a_cut_journal_is_not_published_over_the_whole_one(prepared: Steps) -> None:
    prepared.post("acme")
    warehouse = Warehouse(prepared.provider.warehouse)
    publish(warehouse)
    before = prepared.provider.published.read_bytes()
    prepared.provider.query("delete from posting_journal where seq = 3")

    with pytest.raises(WarehouseError, match=r"ends at row 2, but had 3 rows .* was left as it is.*newest whole"):
        publish(warehouse)

    assert prepared.provider.published.read_bytes() == before


def test_another_database_in_the_same_folder_is_told_to_have_one_of_its_own(prepared: Steps) -> None:
    prepared.post("acme")
    publish(Warehouse(prepared.provider.warehouse))
    before = prepared.provider.published.read_bytes()

    trial = Warehouse(prepared.provider.warehouse.with_name("trial.duckdb"))
    with pytest.raises(WarehouseError, match=r"another database .* give it a folder of its own \(BILLING_WAREHOUSE\)"):
        publish(trial)

    assert prepared.provider.published.read_bytes() == before


def test_the_published_copy_can_take_the_place_of_a_database_that_lost_its_end(prepared: Steps) -> None:
    provider = prepared.provider
    prepared.post("acme")
    publish(Warehouse(provider.warehouse))
    provider.query("delete from posting_journal where seq = 3")

    shutil.copy(provider.published, provider.warehouse)
    prepared.close()

    assert provider.billed() == {1001: ["10.00"], 1002: ["20.00"]}
    assert provider.posts() == 2
    assert provider.adds_up()


def test_a_source_line_that_lost_its_fate_refuses_the_month(prepared: Steps) -> None:
    prepared.provider.query("delete from modified_charges where client = 'birch'")

    refused(prepared, "2026-10 does not add up: 1 lines without a fate", "Nothing was posted.")


def test_a_source_line_that_is_gone_from_the_charges_refuses_the_month(prepared: Steps) -> None:
    for table in ("normalized_charges", "modified_charges", "reconciled_items", "plans", "ready_to_invoice"):
        prepared.provider.query(f"delete from {table} where client = 'birch'")

    refused(prepared, "The invoice lines of 2026-10", "2 lines and 1 explained in USD, 20", "Nothing was posted.")


def test_a_posting_run_that_is_started_again_goes_on_with_what_is_left(prepared: Steps) -> None:
    prepared.provider.disturb_halopsa("status", status=429, after=1, count=4)
    first = prepared.post()
    assert (len(first.posted), len(first.refused)) == (1, 1)
    assert "429" in str(first.stopped)

    prepared.post()
    prepared.post()

    assert prepared.provider.billed() == {1001: ["10.00"], 1002: ["20.00"]}
    assert prepared.provider.posts() == 1 + 4 + 1
    assert prepared.provider.adds_up()


def test_an_invoice_that_bears_our_keys_though_the_journal_does_not_know_is_taken_as_ours(prepared: Steps) -> None:
    prepared.post("acme")
    provider = prepared.provider
    for table in ("posting_journal", "postings", "posted_lines", "posted_source_lines"):
        provider.query(f"delete from {table}")
    (provider.published.parent / "journal-head.json").unlink()

    prepared.post()

    assert provider.billed() == {1001: ["10.00"], 1002: ["20.00"]}
    assert provider.posts() == 2
    assert provider.query("select event from posting_journal where client = 'acme' order by seq") == [
        ("sending",),
        ("adopted",),
        ("read_back",),
    ]
    assert provider.adds_up()


def test_a_line_of_ours_on_another_invoice_holds_the_client_instead_of_billing_it_again(prepared: Steps) -> None:
    provider = prepared.provider
    key = provider.value("select charge_key from ready_to_invoice where client = 'acme'")
    line = {"item_shortdescription": "copied by hand", "qty_order": 1, "unit_price": 10, "comment_2": key}
    fields = {"client_id": 1001, "invoice_date": "2026-10-02T00:00:00", "currency_code": 1}
    provider.let_agent("create", fields=fields, lines=[line])

    prepared.post()

    assert provider.billed() == {1001: ["10.00"], 1002: ["20.00"]}
    assert provider.held() == [("acme", "target_changed")]
    detail = provider.value("select detail from holds")
    assert "10.00 USD was not sent: HaloPSA invoice 1 bears keys of its charges already, but not as this" in detail
    assert "take what bears them off there. Then run billing-pipeline close 2026-10 --client acme --post" in detail
    assert provider.adds_up()
