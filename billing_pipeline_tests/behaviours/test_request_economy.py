"""HaloPSA's limit decides how long a month takes: posting asks pages, and not documents."""

from collections import Counter
from typing import Any

import pytest

from benchmarks.report import Report, Target
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import OCTOBER, bill, invoice, licence, make_world, numbered, template

CLIENTS = [numbered(number, -number) for number in range(1, 31)]
READS_BESIDES = 20


@pytest.mark.parametrize(
    ("target", "others", "a_document"),
    [
        ("new", {}, 1),
        ("latest", {"invoices": [invoice(1000 + one.halopsa_id, one) for one in CLIENTS]}, 2.1),
        ("recurring", {"templates": [template(one.template or 0, one) for one in CLIENTS]}, 2.1),
    ],
    ids=["new", "latest", "recurring"],
)
def test_posting_stays_below_its_requests(
    provider: Provider, target: str, others: dict[str, Any], a_document: float
) -> None:
    lines = [
        line
        for one in CLIENTS
        for line in (licence(f"mail-{one.key}", one, "10.00"), licence(f"disk-{one.key}", one, "5.00"))
    ]
    provider.set_up(make_world(CLIENTS, [bill(OCTOBER, *lines)], **others), CLIENTS, {"target": target})
    provider.prepare()
    before = Counter(provider.halo.requests)

    posted = provider.post()

    spent = Counter(provider.halo.requests) - before
    assert len(posted.posted) == len(CLIENTS)
    assert provider.verify().is_settled
    allowed = len(CLIENTS) * a_document + len(CLIENTS) // 25 + READS_BESIDES
    assert spent.total() <= allowed, dict(spent)


@pytest.mark.parametrize(("binds", "met"), [(True, False), (False, True)])
def test_a_measurement_fails_where_a_target_that_binds_is_missed(binds: bool, met: bool) -> None:
    report = Report()
    report.check(Target("requests", 100, 100, binds=True), Target("requests", 101, 100, binds=binds))
    assert report.finish() is met
