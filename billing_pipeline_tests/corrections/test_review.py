"""How a review tells of a correction: the document that bills the difference, and the one that has none to bill."""

from billing_pipeline.commands.review_page.render import render_page
from billing_pipeline.commands.review_words import name_document
from billing_pipeline.steps.journal import append
from billing_pipeline.steps.month_review import ClientReview, MonthReview, review_month
from billing_pipeline.steps.posting_state import make_writer
from billing_pipeline_tests.corrections.replacing import correct, newest_invoice, replace_invoice
from billing_pipeline_tests.corrections.test_difference import credited_month
from billing_pipeline_tests.steps.months import Month, MonthMaker, line


def read(month: Month) -> tuple[MonthReview, ClientReview]:
    review = review_month(month.work.warehouse, month.work.month, month.work.config)
    assert review is not None
    return review, next(client for client in review.clients if client.client == "acme-dental")


def test_a_correction_is_a_document_of_its_own(months: MonthMaker) -> None:
    month = credited_month(months)
    first = newest_invoice(month)["id"]
    month.prepare()
    review, acme = read(month)
    assert [document.stage for document in acme.documents] == ["posted"]
    assert [(one.state, one.difference) for one in acme.corrections] == [("proposed", 14)]
    assert "proposed" in render_page(review)

    correct(month, post=False)
    _, acme = read(month)
    posted, planned = acme.documents
    assert (posted.stage, planned.stage, planned.after_total) == ("posted", "to_post", 14)
    assert name_document(planned).startswith(f"Correction of invoice {first}, dated ")

    month.post()
    review, acme = read(month)
    assert [document.stage for document in acme.documents] == ["posted", "posted"]
    assert name_document(acme.documents[1]).startswith(f"Correction of invoice {first} {newest_invoice(month)['id']}")
    assert f"Correction of invoice {first}" in render_page(review)
    assert sum(document.sell for document in acme.documents) == acme.months[0].sell == 114


def test_a_correction_without_a_difference_is_told_too(months: MonthMaker) -> None:
    month = months.make([line("L1")])
    month.prepare()
    month.post()
    replace_invoice(month, [line("R1")])
    correct(month, post=False)
    review, acme = read(month)
    assert [(document.action, document.stage) for document in acme.documents] == [
        ("create", "posted"),
        ("record", "to_post"),
    ]
    assert "Correction without a difference" in render_page(review)
    month.post()
    assert [document.stage for document in read(month)[1].documents] == ["posted"], "told by the table of corrections"

    with month.work.warehouse.session("release") as session:
        writer, released = make_writer(month.halo, "release"), {"month": month.work.month, "client": "acme-dental"}
        append(session, writer, "released", month.work.now_utc, **released)
    stages = [(document.action, document.stage) for document in read(month)[1].documents]
    assert ("record", "to_post") in stages, "what was recorded before a release is recorded no more"
