"""What planning does about a client whose posted invoice was credited: hold what follows it, or plan the difference."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing_pipeline.billing.corrections import describe_case, hold_followers, plan_corrections
from billing_pipeline.billing.credited_invoices import CorrectionCase
from billing_pipeline.billing.plan import PlanRules
from billing_pipeline.billing.plan_types import BilledClient, ChargeToPlan, Hold, PlannedDocument


@dataclass(frozen=True)
class CaseAnswer:
    """What becomes of one client's case: its difference documents, and why they or its charges wait.

    `following` are the charges that the case decides about, `others` are billed as always. The documents are
    carried out only where `planned`; else they are a proposal.
    """

    following: tuple[ChargeToPlan, ...]
    others: tuple[ChargeToPlan, ...]
    documents: tuple[PlannedDocument, ...]
    holds: tuple[Hold, ...]
    planned: bool


def answer_case(
    month: str,
    client: BilledClient,
    case: CorrectionCase | None,
    charges: Sequence[ChargeToPlan],
    rules: PlanRules,
    *,
    correct: bool,
    excluded: bool,
) -> CaseAnswer:
    """Plan the difference of a client's case, and hold what follows the credited invoice until a person says `correct`.

    What an excluded client was billed stays: a person chose to bill it by hand.
    """
    if case is None or excluded:
        return CaseAnswer((), tuple(charges), (), (), planned=False)
    following = tuple(charge for charge in charges if case.follows(charge.invoice_id))
    others = tuple(charge for charge in charges if not case.follows(charge.invoice_id))
    documents = plan_corrections(client, case, following, rules)
    holds: list[Hold] = []
    if correct:
        holds += _find_faults(client, case, charges, documents)
    elif case.followers:
        own = f"{month} --client {client.client}"
        next_step = (
            f"Look at it with billing-pipeline review {own}, then run billing-pipeline close {own} --post --correct"
        )
        holds += hold_followers(case, documents, following, next_step)
    return CaseAnswer(following, others, documents, tuple(holds), planned=correct)


def _find_faults(
    client: BilledClient,
    case: CorrectionCase,
    charges: Sequence[ChargeToPlan],
    documents: Sequence[PlannedDocument],
) -> list[Hold]:
    """Why lines that only take back cannot be posted; charges are looked at as always."""
    sent = [document for document in documents if document.lines]
    charged = {charge.currency for charge in charges}
    said = describe_case(case, documents)
    name = f"HaloPSA client {client.billed_client_id} ({client.billed_client_name})"
    holds = []
    if client.fault is not None and sent and not charges:
        holds.append(_hold("inactive_client", f"{client.fault}; {said}", sent))
    for currency in sorted({document.currency for document in sent} - charged - {client.currency}):
        wrong = [document for document in sent if document.currency == currency]
        holds.append(
            _hold("currency", f"a correction in {currency}, but {name} has {client.currency_text}; {said}", wrong)
        )
    needed = {charge.item_reference for charge in charges}
    for document in sent:
        for line in document.lines:
            if line.item_id is None and line.item_reference not in needed:
                gone = (
                    f"nothing says which HaloPSA item {line.item_reference} is any more, which {line.short_description}"
                )
                holds.append(_hold("no_item", f"{gone} was billed as; {said}", [document]))
    return holds


def _hold(reason: str, detail: str, documents: Sequence[PlannedDocument]) -> Hold:
    sell = sum((document.sell for document in documents), Decimal(0))
    cost = sum((document.cost for document in documents), Decimal(0))
    return Hold("held", reason, detail, documents[0].currency, sell, cost)
