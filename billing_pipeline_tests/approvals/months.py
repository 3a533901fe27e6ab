"""Months whose plans need an approval."""

from collections.abc import Mapping, Sequence
from typing import Any

from billing_pipeline.steps import modify, normalize, plan, reconcile
from billing_pipeline.steps.approve import ApprovingResult, HaloPsaPlace, approve
from billing_pipeline_tests.steps.months import BIRCH, DEFAULT_ITEM, Month, MonthMaker, Row, line

JANE, BOB = "Jane Doe", "Bob Roe"


def settings_with_approval(settings: Mapping[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    """All of billing.yaml: the default item, approvals required, and what else is given."""
    return {"approval": "required", "settings": {**DEFAULT_ITEM, **(settings or {})}, **sections}


def make_month(months: MonthMaker, items: Sequence[Row] | None = None, **making: Any) -> Month:
    """A prepared month: one line of Acme over 22.00 USD and one of Birch over 30.00 USD, or `items`."""
    lines = [line("L1"), line("L2", "30.00", "24.00", companyId=BIRCH)] if items is None else items
    month = months.make(lines, **{"config": settings_with_approval(), **making})
    month.prepare()
    return month


def approve_plans(month: Month, *clients: str, by: str = JANE) -> ApprovingResult:
    """Approve the plans of some clients, or of all that await it, at the sandbox's HaloPSA."""
    place = HaloPsaPlace(month.halo.address, month.halo.tenant)
    return approve(month.work.of(clients), by, place)


def prepare_on_documents(month: Month) -> dict[str, plan.PlannedClient]:
    """Prepare a month whose behaviour looks at HaloPSA's invoices."""
    for step in (normalize.normalize, modify.modify, reconcile.reconcile):
        step(month.work)
    planned = plan.plan(month.work, (), lambda since: month.halo.invoices(since=since), month.halo.address)
    return {one.client: one for one in planned}


def plan_hash(month: Month, client: str = "acme-dental") -> str:
    """The hash of a client's plan, as people see it."""
    (row,) = month.rows("select plan_hash from plans where client = ?", client)
    return str(row["plan_hash"])[:12]


def awaiting(month: Month) -> dict[str, str]:
    """By client what its plan waits for: no hold, and never one beside."""
    assert month.rows("select * from holds where reason = 'awaiting_approval'") == []
    rows = month.rows("select distinct client, detail from to_approve order by client")
    return {row["client"]: row["detail"] for row in rows}
