"""How a review tells of a credit that takes a month back."""

from billing_pipeline.commands.review_page.render import render_page
from billing_pipeline.commands.review_words import name_document
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import ACME, OCTOBER, bill, licence, make_world
from billing_pipeline_tests.reversals.undoing import take_back
from billing_pipeline_tests.review.pages import read_page
from billing_pipeline_tests.review.reading import read_client, read_review


def test_a_credit_is_a_document_that_names_what_it_takes_back(provider: Provider) -> None:
    provider.set_up(make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))]), [ACME], {})
    provider.close()
    (first,) = provider.invoice_ids()
    take_back(provider)
    billed, credit = read_client(provider).documents
    assert (billed.after_total, credit.after_total, credit.stage) == (10, -10, "posted")
    assert name_document(credit).startswith(f"Credit that takes back invoice {first}: {max(provider.invoice_ids())}")
    page = read_page(render_page(read_review(provider)))
    (told,) = [one for one in page.all("section") if one.attributes.get("aria-labelledby") == "reversals"]
    assert f"-10.00 USD on HaloPSA invoice {credit.halopsa_id} takes back invoice {first}" in told.text
