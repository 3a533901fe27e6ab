"""A cap that a person forced stays visible: what was passed, by how much, and who did it."""

from collections.abc import Sequence

from billing_pipeline.billing.caps import PassedCap
from billing_pipeline.billing.plan_types import ClientPlan
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.system_user import system_user
from billing_pipeline.steps.work import Work

KIND = "cap_forced"


def store_forced_caps(session: Session, work: Work, planned: Sequence[tuple[ClientPlan, Sequence[PassedCap]]]) -> None:
    """Write a finding for each cap forced; those of an earlier plan give way unless it was sent.

    The frame `scope_clients` has the clients of the run.
    """
    session.execute(
        "delete from findings where month = ? and kind = ? and client in (select client from scope_clients) "
        "and document_key not in (select document_key from postings where status in ('posted', 'sending', 'unknown'))",
        [work.month, KIND],
    )
    user = system_user()
    session.insert(
        "findings",
        [
            {
                "month": work.month,
                "client": plan.client,
                "document_key": next(
                    one.document_key for one in plan.documents if one.currency == passed.hold.currency
                ),
                "step": "plan",
                "kind": KIND,
                "detail": f"{passed.figures}; {user} (system user) forced it with --force-cap {passed.name}",
                "currency": passed.hold.currency,
                "sell": passed.hold.sell,
                "cost": passed.hold.cost,
            }
            for plan, forced in planned
            for passed in forced
        ],
    )
