"""A review of some clients tells what is of them; what is of the whole month stands apart."""

import json
from typing import Any

import pytest

from billing_pipeline.commands.month_report import print_findings, verdict
from billing_pipeline.commands.review_json import write_review_json
from billing_pipeline.commands.review_page.render import render_page
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import ACME, BIRCH, OCTOBER, bill, licence, make_world
from billing_pipeline_tests.review.conftest import NewProvider
from billing_pipeline_tests.review.pages import read_page
from billing_pipeline_tests.review.reading import read_review

SEEN = [
    {"client": "client-1", "step": "modify", "kind": "margin", "detail": "Acme's margin"},
    {"client": "client-2", "step": "modify", "kind": "margin", "detail": "Birch's margin"},
    {"client": "client-1", "step": "verify", "kind": "line_changed", "detail": "Acme's line"},
    {"client": "client-2", "step": "verify", "kind": "line_changed", "detail": "Birch's line"},
    {"client": None, "step": "fetch", "kind": "invoice_changed", "detail": "The invoice's head"},
    {"client": None, "step": "verify", "kind": "found_elsewhere", "detail": "A key of nobody"},
    {"client": "client-2", "step": "post", "kind": "refused", "detail": "Birch was refused"},
    {"client": "client-2", "step": "post", "kind": "answer_differs", "detail": "Birch differs"},
]


@pytest.fixture(scope="module")
def october(new_provider: NewProvider) -> Provider:
    """Findings of Acme, of Birch and of the month; one of Birch's line, which fetching found."""
    provider = new_provider()
    lines = [licence("mail", ACME, "100.00"), licence("mail", BIRCH, "20.00")]
    provider.set_up(make_world([ACME, BIRCH], [bill(OCTOBER, *lines)]), [ACME, BIRCH], {})
    provider.prepare()
    with provider.warehouse.session("write what was found") as session:
        line = session.value("select source_line_id from normalized_charges where client = 'client-2'")
        of_a_line = {"step": "fetch", "kind": "odd_amount", "detail": "Birch's amount", "source_line_id": line}
        session.insert("findings", [{"month": OCTOBER, **one} for one in (*SEEN, of_a_line)])
    return provider


def test_json_of_one_client_tells_nothing_of_others(october: Provider) -> None:
    told = json.loads(write_review_json(read_review(october, OCTOBER, "client-1")))
    assert details(told["findings"]) == ["Acme's margin"]
    assert details(told["drift"]) == ["Acme's line"]
    assert details(told["month_findings"]) == ["The invoice's head", "A key of nobody"]
    assert (told["differences"], told["refused"]) == ([], [])


def test_json_of_all_tells_a_finding_of_a_line_with_its_client(october: Provider) -> None:
    told = json.loads(write_review_json(read_review(october)))
    assert {one["detail"]: one["client"] for one in told["findings"]} == {
        "The invoice's head": None,
        "Acme's margin": "client-1",
        "Birch's margin": "client-2",
        "Birch's amount": "client-2",
    }
    assert len(told["drift"]) == 3
    assert told["month_findings"] == []


def test_text_of_one_client_tells_nothing_of_others(october: Provider, capsys: pytest.CaptureFixture[str]) -> None:
    print_findings(read_review(october, OCTOBER, "client-1").summary)
    text = capsys.readouterr().out
    assert "Birch" not in text
    own, apart = text.split("Worth a look, of the whole month")
    assert ("Acme's margin" in own, "Acme's line" in own) == (True, True)
    assert ("The invoice's head" in apart, "A key of nobody" in apart) == (True, True)


def test_the_page_of_one_client_tells_nothing_of_others(october: Provider) -> None:
    page = render_page(read_review(october, OCTOBER, "client-1"))
    assert "Birch" not in page
    assert "Worth a look, of the whole month" in read_page(page).text


def test_drift_of_others_holds_no_one_elses_exit_code(october: Provider) -> None:
    with october.warehouse.session("Acme's own is put right") as session:
        session.execute("delete from findings where client = 'client-1' and step = 'verify'")
    assert verdict(read_review(october, OCTOBER, "client-1").summary, posted=False) == 0
    assert verdict(read_review(october, OCTOBER, "client-2").summary, posted=False) == 3


def details(findings: list[dict[str, Any]]) -> list[str]:
    return [one["detail"] for one in findings]
