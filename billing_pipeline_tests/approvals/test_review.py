"""How the page and JSON of a review tell of approvals."""

import json

from billing_pipeline.commands.review_json import write_review_json
from billing_pipeline.commands.review_page.render import render_page
from billing_pipeline.steps.month_review import review_month
from billing_pipeline_tests.approvals.months import approve_plans, make_month, plan_hash
from billing_pipeline_tests.review.pages import read_page
from billing_pipeline_tests.steps.months import MonthMaker


def test_a_review_tells_whose_plan_awaits_an_approval_and_who_approved_which(months: MonthMaker) -> None:
    month = make_month(months)
    approve_plans(month, "acme-dental")
    review = review_month(month.work.warehouse, month.work.month, month.work.config)
    assert review is not None
    told = {
        (one["client"], one["state"]): one["plan_hash"][:12]
        for one in json.loads(write_review_json(review))["approvals"]
    }
    assert told == {
        ("birch-legal", "awaits"): plan_hash(month, "birch-legal"),
        ("acme-dental", "approved"): plan_hash(month, "acme-dental"),
    }
    root = read_page(render_page(review))
    (section,) = [one for one in root.all("section") if one.attributes.get("aria-labelledby") == "approvals"]
    text = " ".join(section.text.split())
    assert "billing-pipeline approve 2026-10 --by NAME" in text
    rows = [[" ".join(cell.text.split()) for cell in row.all("td")][:2] for row in section.all("tbody")[0].all("tr")]
    assert rows == [["birch-legal", "to approve"], ["acme-dental", "approved"]]
    assert [one.text for one in root.of_class("client")[1].of_class("badge")] == ["to approve"]
