"""Two processes work for one provider at once: both end right, and nothing is billed twice."""

import time

import duckdb

from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.steps.publish import publish
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.other_process import PATIENCE_SECONDS, paused, running
from billing_pipeline_tests.scenarios.steps import Steps
from billing_pipeline_tests.scenarios.worlds import (
    ACME,
    BIRCH,
    ITEM,
    MONTH,
    SECOND_INVOICE,
    Json,
    make_invoice,
    make_line,
    make_world,
)

NOVEMBER = "2026-11"
NOVEMBER_5 = "2026-11-05T15:00:00Z"


def invoices_of_two_months() -> list[Json]:
    october = [make_line(1, ACME, "10.00"), make_line(2, BIRCH, "20.00")]
    november = [make_line(3, ACME, "11.00"), make_line(4, BIRCH, "21.00")]
    return [make_invoice(october), make_invoice(november, SECOND_INVOICE, f"{NOVEMBER}-01")]


def labour(line_id: int) -> list[Json]:
    """The lines of a document that others made."""
    return [{"id": line_id, "_itemid": ITEM, "item_shortdescription": "Labour", "qty_order": 1, "unit_price": 100}]


def wait_for_the_fault(provider: Provider) -> None:
    """Wait until the ordered fault keeps a request of another process waiting."""
    last = time.monotonic() + PATIENCE_SECONDS
    while not any(fault["hits"] for fault in provider.sandbox.halopsa_service.faults.listing()):
        assert time.monotonic() < last, "the request never came"
        time.sleep(0.02)


def test_two_months_are_closed_and_posted_at_once(provider: Provider) -> None:
    provider.set_up(make_world([ACME, BIRCH], invoices_of_two_months()), [ACME, BIRCH])
    provider.set_time(NOVEMBER_5)

    closes = [provider.start_closing(month=month) for month in (MONTH, NOVEMBER)]
    said = [close.communicate()[1] for close in closes]

    assert [close.returncode for close in closes] == [0, 0], said
    billed = {client: sorted(amounts) for client, amounts in provider.billed().items()}
    assert billed == {1001: ["10.00", "11.00"], 1002: ["20.00", "21.00"]}
    assert provider.held() == []
    assert provider.query("select distinct month, disposition from dispositions order by all") == [
        (MONTH, "posted"),
        (NOVEMBER, "posted"),
    ]
    assert provider.value("select count(*) from postings where read_back_at is not null") == 4
    assert provider.adds_up()


def test_a_second_run_for_the_same_clients_waits_for_the_first_and_bills_nothing_twice(provider: Provider) -> None:
    """It plans while the first is posting, and Birch's invoice is under way: whether it arrives is not known yet.

    What is published meanwhile is as whole as what is published in the end.
    """
    lines = [make_line(1, ACME, "10.00"), make_line(2, BIRCH, "20.00")]
    provider.set_up(make_world([ACME, BIRCH], [make_invoice(lines)]), [ACME, BIRCH])
    second = Steps(provider, patience=PATIENCE_SECONDS)
    second.close(post=False)
    provider.disturb_halopsa("delay", when="after", after=1, seconds=8)

    with running(provider, "post", MONTH) as first:
        wait_for_the_fault(provider)
        with paused(first, provider):
            second.fetch()
            second.prepare()
            assert provider.held() == [("birch", "unknown_outcome")]
            assert published_postings(provider) == [("acme", "posted"), ("birch", "sending")]
        result = second.post()

    assert result.posted == result.adopted == []
    assert provider.billed() == {1001: ["10.00"], 1002: ["20.00"]}
    assert provider.held() == [], "a hold that holds nothing any more would only frighten"
    assert second.prove().whole
    assert provider.adds_up()
    assert published_postings(provider) == [("acme", "posted"), ("birch", "posted")]


def published_postings(provider: Provider) -> list[tuple[str, ...]]:
    """Publish, and read as an analyst does."""
    published = publish(Warehouse(provider.warehouse, PATIENCE_SECONDS))
    with duckdb.connect(str(published.file), read_only=True) as analyst:
        return analyst.execute("select client, status from postings order by all").fetchall()


def test_a_month_is_closed_while_another_process_publishes_again_and_again(provider: Provider) -> None:
    provider.set_up(make_world([ACME], [make_invoice([make_line(1, ACME, "10.00")])]), [ACME])

    with running(provider, "publish", MONTH) as publishing:
        assert publishing.stdout is not None
        assert publishing.stdout.readline() == "published\n"
        Steps(provider, patience=PATIENCE_SECONDS).close()

    assert provider.billed() == {1001: ["10.00"]}
    assert provider.adds_up()
    assert [file.name for file in provider.published.parent.iterdir() if file.name.startswith(".")] == []


def test_two_months_on_one_recurring_invoice_are_not_mixed(provider: Provider) -> None:
    """Acme's charges of both months are for its recurring invoice, Birch's for the open invoice of each month."""
    drafts = [
        {"id": 55, "client_id": BIRCH.halopsa_id, "invoice_date": f"{MONTH}-02T00:00:00", "lines": labour(71)},
        {"id": 56, "client_id": BIRCH.halopsa_id, "invoice_date": f"{NOVEMBER}-02T00:00:00", "lines": labour(72)},
    ]
    template = {
        "id": -7,
        "client_id": ACME.halopsa_id,
        "period": 2,
        "disabled": False,
        "startdate": "2025-01-01T00:00:00",
        "lastcreated": "2026-11-01T06:00:00",
        "nextcreationdate": "2026-12-01T00:00:00",
        "lines": labour(73),
    }
    documents = [{"currency_code": 1, **document} for document in (*drafts, template)]
    world = make_world(
        [ACME, BIRCH], invoices_of_two_months(), invoices=documents[:2], recurring_invoices=documents[2:]
    )
    targets = {client.key: {"settings": {"behaviour": {"target": target}}} for client, target in TARGETS}
    provider.set_up(world, [ACME, BIRCH], clients=targets)
    rows = [(one.key, one.name, one.halopsa_id, one.company_id, "", -7 if one is ACME else "", "") for one in BOTH]
    provider.write_csv("clients.csv", rows)
    provider.set_time(NOVEMBER_5)
    november = Steps(provider, patience=PATIENCE_SECONDS, month=NOVEMBER)
    Steps(provider, month=MONTH).close(post=False)
    november.close(post=False)
    provider.disturb_halopsa("delay", route="/api/RecurringInvoice", when="after", seconds=2)

    with running(provider, "post", MONTH):
        wait_for_the_fault(provider)
        november.post()

    assert provider.held() == [("acme", "target_changed")]
    assert "recurring invoice -7 was changed since" in provider.value("select detail from holds")
    assert ours(provider) == {-7: ["10.00"], 55: ["20.00"], 56: ["21.00"]}

    november.close()
    assert provider.held() == [("acme", "not_issued")], "or October would never be billed"
    assert ours(provider) == {-7: ["10.00"], 55: ["20.00"], 56: ["21.00"]}
    assert provider.adds_up()


BOTH = (ACME, BIRCH)
TARGETS = ((ACME, "recurring"), (BIRCH, "latest"))


def ours(provider: Provider) -> dict[int, list[str]]:
    """Our lines by the document that they are on."""
    content = provider.sandbox.halopsa.dump()
    return {
        document["id"]: [f"{line['net_amount']:.2f}" for line in document["lines"] if line.get("comment_2")]
        for table in ("recurring_invoices", "invoices")
        for document in content[table]
    }
