"""Whatever the credited invoice and its replacement hold: no cent is lost, the client ends with what is due, once."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing_pipeline.billing.money import round_amount
from billing_pipeline_tests.corrections.replacing import billed, correct, replace_invoice
from billing_pipeline_tests.steps.months import (
    INVOICE,
    Month,
    MonthMaker,
    Row,
    azure,
    company_of,
    halopsa_clients,
    line,
    rows_of,
)

CLIENTS = ("cedar", "date", "elm", "fern", "gorse", "hazel", "iris", "juniper", "kelp", "laurel")
# Halves of a cent, both signs, zero, and amounts that collide.
AMOUNTS = st.sampled_from(["0", "0.005", "1.115", "-3.335", "10", "10.004", "22.5", "-0.0044", "100.99"])


@dataclass(frozen=True)
class Charge:
    """A line as it is drawn: what it is of, and its amounts."""

    kind: str
    subscription: str | None
    sell: str
    cost: str


CHARGES = st.lists(
    st.builds(
        Charge,
        st.sampled_from(["Premium", "Visio", "Azure"]),
        st.sampled_from([None, "s-1", "s-2"]),
        AMOUNTS,
        AMOUNTS,
    ),
    max_size=4,
)


def lines_of(prefix: str, by_client: Sequence[Sequence[Charge]]) -> list[Row]:
    """The drawn charges of each client as lines of an invoice."""
    lines = []
    for client, charges in zip(CLIENTS, by_client, strict=True):
        for number, charge in enumerate(charges):
            make = azure if charge.kind == "Azure" else line
            changes = {} if charge.kind == "Azure" else {"productName": charge.kind, "productId": charge.kind}
            lines.append(
                make(
                    f"{prefix}-{client}-{number}",
                    charge.sell,
                    charge.cost,
                    companyId=company_of(client),
                    subscriptionId=charge.subscription,
                    **changes,
                )
            )
    return lines


def due(charges: Sequence[Charge], *, collapse: bool) -> Decimal:
    """What a client owes for its lines: each rounded by itself, Azure as one where it is collapsed."""
    whole = sum((Decimal(one.sell) for one in charges if one.kind == "Azure" and collapse), Decimal(0))
    single = (round_amount(Decimal(one.sell), "USD") for one in charges if one.kind != "Azure" or not collapse)
    return sum(single, round_amount(whole, "USD"))


def gaps(month: Month) -> list[Row]:
    """Clients of whom a cent is not explained, and lines without a fate."""
    return month.rows("select client from three_way where sell_gap <> 0 or cost_gap <> 0") + month.rows(
        "select source_line_id from dispositions where disposition is null"
    )


def in_halopsa(month: Month) -> dict[str, Decimal]:
    """What HaloPSA bills each client, over all its invoices."""
    totals = {number: sum(map(Decimal, amounts), Decimal(0)) for number, amounts in billed(month).items()}
    return {client: totals.get(number, Decimal(0)) for number, client in enumerate(CLIENTS, 300)}


ALL_CLIENTS = st.lists(CHARGES, min_size=len(CLIENTS), max_size=len(CLIENTS))


@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(old=ALL_CLIENTS, new=ALL_CLIENTS, collapse=st.booleans())
def test_every_client_ends_with_what_is_due_and_no_cent_is_lost(
    months: MonthMaker, old: list[list[Charge]], new: list[list[Charge]], collapse: bool
) -> None:
    month = months.make(
        lines_of("L", old),
        {"modifiers": {"collapse_azure": collapse}},
        clients=rows_of(*CLIENTS),
        halopsa={"clients": halopsa_clients(*CLIENTS)},
    )
    month.prepare(["negative_invoice"])
    month.post()
    expected = {client: due(charges, collapse=collapse) for client, charges in zip(CLIENTS, old, strict=True)}
    assert in_halopsa(month) == expected

    replace_invoice(month, lines_of("R", new), INVOICE)
    month.prepare(["negative_invoice"])
    assert gaps(month) == []
    correct(month, "negative_invoice", post=False)
    assert gaps(month) == []
    month.post()
    assert gaps(month) == []
    expected = {client: due(charges, collapse=collapse) for client, charges in zip(CLIENTS, new, strict=True)}
    assert in_halopsa(month) == expected
    assert month.prove().whole

    sent = len(month.sandbox.halopsa.dump()["invoices"])
    correct(month, "negative_invoice")
    assert len(month.sandbox.halopsa.dump()["invoices"]) == sent
    assert month.rows("select client from holds") == []
