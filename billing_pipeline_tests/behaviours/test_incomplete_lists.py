"""A HaloPSA whose lists lack rows, or whose counts are wrong: what is not in them is not taken for absent too soon."""

import pytest

from billing_pipeline.billing.errors import PostingRefused, UnreadableAnswer
from billing_pipeline_tests.behaviours.changing_lists import ALL, DATED, OTHERS, show_others_each_time
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import ACME, OCTOBER, bill, invoice, licence, make_world

AFTER_THE_GRACE = "2026-10-06T18:00:00Z"
AGAIN = "billing-pipeline close 2026-10 --client client-1 --post"


@pytest.fixture
def month(provider: Provider) -> Provider:
    others = [invoice(number, day="2026-10-02") for number in OTHERS]
    world = make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))], invoices=others)
    provider.set_up(world, [ACME], {"target": "new"})
    return provider


def test_a_document_on_a_page_that_never_comes_is_found_by_reading_the_other_way_round(month: Provider) -> None:
    month.disturb("drop", when="after")
    month.close(send=False)
    month.switch(paging="skip", largest_page=3, search_reference=False)

    month.post()

    assert month.invoice_ids() == [*OTHERS, 15]
    assert month.holds() == []
    assert month.prove().whole


def test_what_lists_that_come_out_different_each_time_do_not_show_stays_unknown(month: Provider) -> None:
    month.disturb("drop")
    month.close()
    month.now = AFTER_THE_GRACE
    for read in (ALL, DATED, ALL):
        show_others_each_time(month, read)

    month.post()

    assert month.holds() == [("client-1", "unknown_outcome")]
    why = month.why()
    assert (
        "nobody knows yet whether HaloPSA has it: HaloPSA's lists lack rows, so that what is not in them may be" in why
    )
    assert "all the same (GET /Invoice gave 4 rows of 9, and others with each of 4 reads). Then" in why
    assert f"run {AGAIN} again: it looks, and never sends twice" in why
    month.close()
    assert month.invoice_ids() == [*OTHERS, 15]
    assert month.prove().whole


def test_nothing_is_sent_where_our_keys_cannot_be_looked_for(month: Provider) -> None:
    month.prepare()
    show_others_each_time(month)

    result = month.post()

    assert result.stopped is not None
    assert result.stopped.startswith("HaloPSA's list of invoices comes out different each time (GET /Invoice gave 4")
    assert month.invoice_ids() == [*OTHERS]
    assert month.post().posted
    assert month.prove().whole


def test_nothing_is_released_while_the_lists_come_out_different_each_time(month: Provider) -> None:
    month.close()
    month.agent("delete", 15)
    show_others_each_time(month, DATED)
    show_others_each_time(month)

    with pytest.raises(PostingRefused) as caught:
        month.release()

    said = str(caught.value)
    assert said.startswith(
        "HaloPSA's lists lack rows, so that it has nothing of 2026-10 of client-1 is not proved (GET /Invoice gave 4"
    )
    assert "Nothing was released. Run billing-pipeline release 2026-10 --client client-1 again" in said
    assert month.release().is_done


def test_verify_does_not_say_that_nothing_is_there_twice_where_it_cannot_see_it(month: Provider) -> None:
    month.close()
    show_others_each_time(month, DATED)
    show_others_each_time(month)

    assert "whether anything of 2026-10 is there twice is not known: HaloPSA's lists" in "".join(
        month.verify().unexplained
    )
    assert month.verify().agrees


def test_an_item_that_was_lost_is_not_created_again_while_the_list_lacks_rows(month: Provider) -> None:
    month.configure([ACME], {"target": "new"}, settings={"product_lifecycle": {"mode": "create"}, "codes": {}})
    month.disturb("drop", route="/api/Item")
    month.close()
    assert month.writes("/api/Item") == 1
    month.prepare()
    show_others_each_time(month, "page_no", "/api/Item")
    month.now = AFTER_THE_GRACE

    month.post()

    assert month.writes("/api/Item") == 1
    assert month.holds() == [("client-1", "unknown_outcome")]
    assert "item 'Mail' was sent to HaloPSA, whose list of items lacks rows (GET /Item gave 4 rows of 9" in month.why()

    month.close()
    assert month.writes("/api/Item") == 2
    assert month.prove().whole


def test_an_item_is_not_created_where_the_list_may_hide_it(month: Provider) -> None:
    month.configure([ACME], {"target": "new"}, settings={"product_lifecycle": {"mode": "create"}, "codes": {}})
    month.prepare()
    show_others_each_time(month, "page_no", "/api/Item")

    month.post()

    assert month.writes("/api/Item") == 0
    assert "item 'Mail' was looked for in HaloPSA, whose list of items lacks rows (GET /Item gave 4" in month.why()


def test_nothing_is_planned_on_a_list_that_lacks_rows(month: Provider) -> None:
    show_others_each_time(month, "page_no", "/api/Client")

    with pytest.raises(UnreadableAnswer, match=r"list for halopsa_clients comes out different each time \(GET /Client"):
        month.prepare()


def test_a_count_that_is_always_too_high_keeps_nothing_unknown_and_nothing_from_being_released(month: Provider) -> None:
    month.switch(record_count="too_high")
    month.disturb("drop")
    month.close()
    assert month.holds() == [("client-1", "unknown_outcome")]
    month.now = AFTER_THE_GRACE

    month.close()

    assert month.invoice_ids() == [*OTHERS, 15]
    assert (month.holds(), month.writes()) == ([], 2)
    assert month.prove().whole
    assert not month.release().is_done, "it is there"
    month.agent("delete", 15)
    assert month.release().is_done
    month.close()
    assert month.invoice_ids() == [*OTHERS, 16]
    assert month.verify().agrees
