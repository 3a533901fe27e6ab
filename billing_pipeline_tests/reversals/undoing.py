"""Taking a provider's month back, and what HaloPSA and the ledger say then."""

from collections import Counter
from decimal import Decimal

from billing_pipeline.billing.errors import PostingRefused
from billing_pipeline.steps.reverse import Reversal, ReversalResult, plan_to_reverse, reverse
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import OCTOBER, Json


def take_back(provider: Provider, client: str = "client-1", month: str = OCTOBER) -> ReversalResult:
    """Run `reverse --post`."""
    return reverse(provider._work(month).of((client,)), provider.halo)


def look_at(provider: Provider, client: str = "client-1", month: str = OCTOBER) -> Reversal:
    """Run `reverse` without --post."""
    return plan_to_reverse(provider._work(month).of((client,)), provider.halo)


def refusal(provider: Provider, client: str = "client-1", month: str = OCTOBER) -> str:
    """What taking back is refused with, with --post and without; nothing may have been sent or written."""
    sent, journal = provider.writes(), journal_rows(provider)
    texts = set()
    for attempt in (look_at, take_back):
        try:
            attempt(provider, client, month)
        except PostingRefused as error:
            texts.add(str(error))
    (text,) = texts
    assert provider.writes() == sent
    assert journal_rows(provider) == journal
    assert provider.rows("select * from reversals") == []
    return text


def journal_rows(provider: Provider) -> int:
    """How many rows the posting journal has."""
    return int(provider.rows("select count(*) as number from posting_journal")[0]["number"])


def newest(provider: Provider) -> Json:
    """The newest invoice that HaloPSA has."""
    return provider.document(max(provider.invoice_ids()))


def money_in_halopsa(provider: Provider) -> dict[str, tuple[Decimal, Decimal, Decimal]]:
    """By currency id and HaloPSA client, Σ net, Σ cost and Σ tax of every line that bears a key of ours."""
    sums: dict[str, list[Decimal]] = {}
    for document in (provider.document(number) for number in provider.invoice_ids()):
        for line in document["lines"]:
            if not str(line.get("comment_2") or "").startswith("bp-c-"):
                continue
            place = sums.setdefault(f"{document['currency_code']} {document['client_id']}", [Decimal(0)] * 3)
            place[0] += line["net_amount"]
            place[1] += line["unit_cost"] * line["qty_order"]
            place[2] += line["tax_amount"]
    return {place: (net, cost, tax) for place, (net, cost, tax) in sums.items()}


def keys_in_halopsa(provider: Provider) -> Counter[str]:
    """How often each of our charge keys stands in HaloPSA."""
    lines = (line for number in provider.invoice_ids() for line in provider.document(number)["lines"])
    return Counter(line["comment_2"] for line in lines if str(line.get("comment_2") or "").startswith("bp-c-"))


def adds_up(provider: Provider, month: str = OCTOBER) -> bool:
    """Whether every cent of the month is explained, and HaloPSA has what was planned."""
    return provider.prove(month).whole and provider.fates(month) <= {"posted", "collapsed", "dropped", "excluded"}
