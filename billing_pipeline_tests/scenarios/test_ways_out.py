"""Every hold has a way out that a person can take alone: each is held, its text followed word for word, and then gone.

A new reason needs its row in `WAYS`: how it comes about, and what its text says to do.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import typer.main

from billing_pipeline.billing.reasons import REASONS, describe_hold
from billing_pipeline.cli import app
from billing_pipeline_tests.behaviours.provider import issue_due
from billing_pipeline_tests.behaviours.world import template
from billing_pipeline_tests.cli.typing_commands import type_command
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.steps import Steps
from billing_pipeline_tests.scenarios.worlds import (
    ACME,
    BIRCH,
    INVOICE,
    ITEM,
    MONTH,
    SECOND_INVOICE,
    Json,
    make_halopsa_client,
    make_invoice,
    make_line,
    make_world,
)

LINE = make_line(1, ACME, "10.00")["id"]
FILLED = {"ID": LINE, "NAME": "Ann", "TEXT": "'she looked it up'", "KEY": ACME.key}


@dataclass
class Walk:
    """A person before a held client, with nothing but what the hold says."""

    provider: Provider
    steps: Steps
    reason: str
    client: str | None = ACME.key

    def set_up(self, *lines: Json, halopsa: Json | None = None, **settings: Any) -> None:
        """A month of Acme with these lines, and one of Birch's that nothing holds."""
        invoice = make_invoice([*lines, make_line(99, BIRCH, "20.00", "16.00")])
        self.provider.set_up(make_world([ACME, BIRCH], [invoice], **(halopsa or {})), [ACME, BIRCH], **settings)

    def is_held(self) -> bool:
        """Whether something is held for the reason."""
        query = "select count(*) from holds where month = ? and reason = ?"
        return bool(self.provider.value(query, self.steps.month, self.reason))

    def text(self) -> str:
        """All that the hold says."""
        details = self.provider.query(
            "select detail from holds where month = ? and reason = ?", self.steps.month, self.reason
        )
        _, next_step = describe_hold(self.reason, self.steps.month, self.client)
        return " ".join([*(detail for (detail,) in details), next_step])

    def told(self, words: str) -> None:
        """The text says so: what follows in the test is what a person then does by hand."""
        assert words in self.text()

    def types(self, command: str, **filled: str) -> None:
        """Type a command that stands in the text, with what is in capitals filled in."""
        self.told(command)
        words = [({**FILLED, **filled}).get(word, word) for word in command.split()]
        self.run(shlex.split(" ".join(words))[1:])

    def run(self, words: list[str]) -> None:
        """Carry a command out: a close by its steps, which come to the same without Dagster's seconds."""
        if words[0] != "close":
            typed = type_command(self.provider, *words)
            assert typed.exit_code == 0, typed.all
            return
        closing = typer.main.get_command(app).commands["close"].make_context("close", words[1:]).params
        assert closing["month"] == self.steps.month
        assert list(closing["client"]) in ([], [self.client])
        self.steps.close(post=closing["post"], force_caps=closing["force_cap"] or (), correct=closing["correct"])

    def closes(self, *options: str, whole: bool = False) -> None:
        """Close again as the text ends."""
        scope = "" if whole or self.client is None else f" --client {self.client}"
        self.types(" ".join([f"billing-pipeline close {self.steps.month}{scope}", *options]))


Way = tuple[Callable[[Walk], None], Callable[[Walk], None]]


def decide_by_the_command_of_the_line(option: str, value: str) -> Callable[[Walk], None]:
    def follow(walk: Walk) -> None:
        name = option.split()[-1]
        walk.types(f"billing-pipeline decide 2026-10 --line {LINE} {option} --by NAME --why TEXT", **{name: value})
        walk.closes()

    return follow


def hold_a_line(**changes: Any) -> Callable[[Walk], None]:
    def hold(walk: Walk) -> None:
        invoice = make_invoice([make_line(1, ACME, "10.00", "8.00"), make_line(99, BIRCH, "20.00", "16.00")])
        invoice["items"][0].update(changes)
        walk.provider.set_up(make_world([ACME, BIRCH], [invoice]), [ACME, BIRCH])
        walk.steps.close(post=False)

    return hold


def leave_the_line_out(walk: Walk) -> None:
    walk.told("billing-pipeline decide 2026-10 --of acme lists")
    listed = type_command(walk.provider, "decide", MONTH, "--of", ACME.key)
    assert f"--line {LINE}" in listed.stdout
    walk.types("billing-pipeline decide 2026-10 --line ID --exclude --by NAME --why TEXT")
    walk.closes()


def exclude_the_client(walk: Walk) -> None:
    walk.told("write true under excluded")
    walk.provider.set_clients([ACME, BIRCH], excluded=[ACME])
    walk.closes()


def hold_an_unknown_status(walk: Walk) -> None:
    walk.provider.set_up(make_world([ACME], [make_invoice([make_line(1, ACME, "10.00")], status="Parked")]), [ACME])
    walk.steps.close(post=False)


def say_what_the_status_means(walk: Walk) -> None:
    walk.told("invoice_statuses: {'Parked': billed}, or not_billed, under integrations: pax8: in billing.yaml")
    walk.provider.set_settings(integrations={"pax8": {"invoice_statuses": {"Parked": "billed"}}})
    walk.closes(whole=True)


def hold_a_control_total(walk: Walk) -> None:
    world = make_world([ACME], [make_invoice([make_line(1, ACME, "10.00", "8.00")], total=5, balance=5)])
    walk.provider.set_up(world, [ACME], integrations={"pax8": {"control_total": "hold"}})
    walk.steps.close(post=False)


def report_the_total(walk: Walk) -> None:
    walk.told("control_total: report")
    walk.provider.set_settings(integrations={"pax8": {"control_total": "report"}})
    walk.closes(whole=True)


def hold_an_inactive_client(walk: Walk) -> None:
    clients = [make_halopsa_client(ACME, inactive=True), make_halopsa_client(BIRCH)]
    walk.set_up(make_line(1, ACME, "10.00"), halopsa={"clients": clients})
    walk.steps.close(post=False)


def hold_an_unmapped_company(walk: Walk) -> None:
    walk.set_up(make_line(1, ACME, "10.00"))
    walk.provider.set_clients([BIRCH])
    walk.steps.close(post=False)


def add_the_row_of_the_company(walk: Walk) -> None:
    walk.told("Add its row to clients.csv")
    walk.provider.set_clients([ACME, BIRCH])
    walk.closes(whole=True)


def hold_a_line_without_company(walk: Walk) -> None:
    walk.set_up(make_line(1, None, "10.00"))
    walk.steps.close(post=False)


def say_whose_the_line_is(walk: Walk) -> None:
    walk.told("billing-pipeline decide 2026-10 --of unassigned lists them")
    assert f"--line {LINE}" in type_command(walk.provider, "decide", MONTH, "--of", "unassigned").stdout
    walk.types("billing-pipeline decide 2026-10 --line ID --client KEY --by NAME --why TEXT")
    walk.closes(whole=True)


def report_lines_without_company(walk: Walk) -> None:
    walk.told("set integrations: pax8: unassigned: report in billing.yaml")
    walk.provider.set_settings(integrations={"pax8": {"unassigned": "report"}})
    walk.closes(whole=True)


def hold_an_unmatched_product(walk: Walk) -> None:
    walk.set_up(make_line(1, ACME, "10.00"), settings={"product_lifecycle": {"mode": "prompt"}})
    walk.steps.close(post=False)


def add_the_row_of_the_product(walk: Walk) -> None:
    walk.told("Add its row to products.csv")
    walk.provider.write_csv("products.csv", [("pax8", "", make_line(1, ACME, "1")["sku"], "", ITEM)])
    walk.closes()


def hold_a_product_of_two_items(walk: Walk) -> None:
    name = make_line(1, ACME, "1")["productName"]
    items = [{"id": ident, "name": name, "taxcode": 3, "nominalcode": "4192"} for ident in (ITEM, ITEM + 1)]
    walk.set_up(
        make_line(1, ACME, "10.00"), halopsa={"items": items}, settings={"product_lifecycle": {"mode": "create"}}
    )
    walk.steps.close(post=False)


def name_the_right_item(walk: Walk) -> None:
    walk.told("Name the right one in products.csv")
    walk.provider.write_csv("products.csv", [("pax8", "", make_line(1, ACME, "1")["sku"], "", ITEM)])
    walk.closes()


def say_the_currency_of_the_line(walk: Walk) -> None:
    walk.types("billing-pipeline decide 2026-10 --line ID --currency CODE --by NAME --why TEXT", CODE="USD")
    walk.closes()


def post_it_all_the_same(walk: Walk) -> None:
    walk.closes("--post", "--force-cap", "negative_invoice")


def hold_what_halopsa_bills(walk: Walk) -> None:
    automatic = {"id": 1, "_itemid": ITEM, "item_shortdescription": "By HaloPSA", "qty_order": 1, "unit_price": 9}
    lines = [{**automatic, "recurring_invoice_quantity_type": 1}]
    halopsa = {"recurring_invoices": [{**template(-7), "client_id": ACME.halopsa_id, "lines": lines}]}
    walk.set_up(make_line(1, ACME, "10.00"), halopsa=halopsa)
    walk.steps.close(post=False)


def hold_without_an_open_invoice(walk: Walk) -> None:
    walk.set_up(make_line(1, ACME, "10.00"), settings={"behaviour": {"target": "latest", "when_none": "hold"}})
    walk.steps.close(post=False)


def hold_without_a_recurring_invoice(walk: Walk) -> None:
    walk.set_up(make_line(1, ACME, "10.00"), settings={"behaviour": {"target": "recurring"}})
    walk.steps.close(post=False)


def bill_on_a_new_invoice(walk: Walk) -> None:
    walk.told("Set behaviour.target to new")
    walk.provider.set_settings(settings={"behaviour": {"target": "new"}})
    walk.closes()


def hold_lines_that_were_not_issued(walk: Walk) -> None:
    november = make_line(2, ACME, "10.00", subscriptionId="s-1", startPeriod="2026-11-01", endPeriod="2026-11-30")
    bills = [
        make_invoice([make_line(1, ACME, "10.00", subscriptionId="s-1")]),
        make_invoice([november], SECOND_INVOICE, "2026-11-01"),
    ]
    recurring = {**template(-7), "client_id": ACME.halopsa_id, "lines": []}
    world = make_world([ACME], bills, recurring_invoices=[recurring])
    walk.provider.set_up(world, [ACME], settings={"behaviour": {"target": "recurring"}})
    row = (ACME.key, ACME.name, ACME.halopsa_id, ACME.company_id, "false", -7, "")
    walk.provider.write_csv("clients.csv", [row])
    walk.steps.close()
    walk.steps.month = "2026-11"
    walk.steps.close(post=False)


def issue_the_recurring_invoice(walk: Walk) -> None:
    walk.told("Issue the recurring invoice in HaloPSA")
    walk.provider.set_time("2026-11-05T15:00:00Z")
    assert issue_due(walk.provider.sandbox, "2026-11-01T07:00:00Z")
    walk.closes()


def hold_a_correction(walk: Walk) -> None:
    walk.provider.set_up(make_world([ACME], [make_invoice([make_line(1, ACME, "10.00")])]), [ACME])
    walk.steps.close()
    walk.provider.change_pax8_invoice(INVOICE, status="Credited")
    walk.provider.sandbox.pax8.add_invoice(make_invoice([make_line(2, ACME, "12.00")], SECOND_INVOICE))
    walk.steps.close(post=False)


def post_the_difference(walk: Walk) -> None:
    walk.closes("--post", "--correct")


def hold_a_changed_target(walk: Walk) -> None:
    mine = {"id": 55, "client_id": ACME.halopsa_id, "currency_code": 1, "invoice_date": "2026-10-02T00:00:00"}
    line = {"id": 10, "_itemid": ITEM, "item_shortdescription": "Labour", "qty_order": 1, "unit_price": 50}
    halopsa = {"invoices": [{**mine, "posted": False, "lines": [line]}]}
    walk.set_up(make_line(1, ACME, "10.00"), halopsa=halopsa, settings={"behaviour": {"target": "latest"}})
    walk.steps.close(post=False)
    walk.provider.let_agent("edit_line", id=55, line_id=10, fields={"unit_price": 60})
    walk.steps.post()


def hold_an_unknown_outcome(walk: Walk) -> None:
    walk.set_up(make_line(1, ACME, "10.00"))
    walk.provider.disturb_halopsa("drop", commit_after_requests=10_000)
    walk.steps.close()


def look_again_once_it_is_there(walk: Walk) -> None:
    walk.provider.let_late_writes_commit()
    walk.closes("--post")


def look_again(walk: Walk) -> None:
    walk.closes("--post")


def hold_a_cap(walk: Walk) -> None:
    walk.set_up(make_line(1, ACME, "10.00"), caps={"max_client_total": {"USD": 5}})
    walk.steps.close(post=False)


def force_the_cap(walk: Walk) -> None:
    walk.closes("--post", "--force-cap", "max_client_total")


WAYS: dict[str, Way] = {
    "invoice_status": (hold_an_unknown_status, say_what_the_status_means),
    "invoice_status: totals": (hold_a_control_total, report_the_total),
    "inactive_client": (hold_an_inactive_client, exclude_the_client),
    "unmapped_client": (hold_an_unmapped_company, add_the_row_of_the_company),
    "no_company": (hold_a_line_without_company, say_whose_the_line_is),
    "no_company: reported": (hold_a_line_without_company, report_lines_without_company),
    "unknown_type": (hold_a_line(type="true-up"), decide_by_the_command_of_the_line("--class CLASS", "fee")),
    "unknown_term": (hold_a_line(term="Weekly"), decide_by_the_command_of_the_line("--class CLASS", "license")),
    "missing_amount": (hold_a_line(total=None), decide_by_the_command_of_the_line("--sell AMOUNT", "10.50")),
    "missing_amount: cost": (hold_a_line(costTotal=None), decide_by_the_command_of_the_line("--cost AMOUNT", "0")),
    "missing_amount: currency": (
        hold_a_line(currencyCode=None),
        decide_by_the_command_of_the_line("--currency CODE", "usd"),
    ),
    "rule_failed": (hold_a_line(total=10**15, subTotal=10**15), leave_the_line_out),
    "no_item": (hold_an_unmatched_product, add_the_row_of_the_product),
    "ambiguous_item": (hold_a_product_of_two_items, name_the_right_item),
    "currency": (hold_a_line(currencyCode="CAD"), say_the_currency_of_the_line),
    "negative_total": (hold_a_line(total=-5, costTotal=-4), post_it_all_the_same),
    "negative_total: left out": (hold_a_line(total=-5, costTotal=-4), leave_the_line_out),
    "double_billing": (hold_what_halopsa_bills, leave_the_line_out),
    "no_latest_invoice": (hold_without_an_open_invoice, bill_on_a_new_invoice),
    "no_recurring_invoice": (hold_without_a_recurring_invoice, bill_on_a_new_invoice),
    "not_issued": (hold_lines_that_were_not_issued, issue_the_recurring_invoice),
    "correction": (hold_a_correction, post_the_difference),
    "target_changed": (hold_a_changed_target, look_again),
    "unknown_outcome": (hold_an_unknown_outcome, look_again_once_it_is_there),
    "cap:max_client_total": (hold_a_cap, force_the_cap),
}
_WHOSE = {"no_company": "unassigned", "unmapped_client": None, "invoice_status": None}


def test_every_reason_that_holds_has_a_way_out_here() -> None:
    holding = {reason.code for reason in REASONS if reason.fate in ("blocked", "held") or reason.held_next_step}
    assert {name.partition(":")[0] for name in WAYS} == holding


@pytest.mark.parametrize("name", WAYS)
def test_who_does_what_the_text_says_is_held_no_more(provider: Provider, name: str) -> None:
    hold, follow = WAYS[name]
    reason = name if name.startswith("cap:") else name.partition(":")[0]
    walk = Walk(provider, Steps(provider), reason)
    walk = replace(walk, client=_WHOSE.get(reason, ACME.key))

    hold(walk)
    assert walk.is_held()

    follow(walk)
    assert not walk.is_held()
    gaps = "select count(*) from three_way where month = ? and (sell_gap <> 0 or cost_gap <> 0)"
    assert provider.value(gaps, walk.steps.month) == 0
