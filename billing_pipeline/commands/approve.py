"""`approve`: a person approves the sealed plans of a month, which are posted only then."""

import shlex
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.billing.money import show_amount
from billing_pipeline.commands.connections import open_month
from billing_pipeline.commands.month_report import say_of_clients
from billing_pipeline.commands.outcome import DONE
from billing_pipeline.commands.reversal_report import print_credits
from billing_pipeline.commands.surroundings import demand_month, existing_warehouse, read_environment
from billing_pipeline.commands.terminal import count, head, new_table, say, say_wrapped, show
from billing_pipeline.settings.environment import Environment
from billing_pipeline.settings.load import load_settings
from billing_pipeline.settings.scope import refuse_what_is_not_carried_out
from billing_pipeline.steps.approve import ApprovedPlan, ApprovingResult, HaloPsaPlace
from billing_pipeline.steps.approve import approve as approve_plans
from billing_pipeline.steps.approve_reversal import approve_reversal
from billing_pipeline.steps.work import Work


def approve(month: str, clients: Sequence[str], approver: str) -> int:
    """Record that `approver` approves the plans of some clients, or of all that await it. Needs no credentials."""
    demand_month(month)
    environment = read_environment()
    config = load_settings(environment.config_folder)
    refuse_what_is_not_carried_out(config.settings)
    warehouse = existing_warehouse(environment)
    work = Work(month, tuple(clients), warehouse, config, environment.now(), "approve")
    with warehouse.kept_open():
        result = approve_plans(work, approver, _place(environment))
    _print_approved(month, result)
    if not clients:
        _print_held(month, result)
    _print_next(month, clients, result)
    return DONE


def approve_taking_back(month: str, clients: Sequence[str], approver: str) -> int:
    """Show what takes one client's posted month back, and record that `approver` approves it. Reads HaloPSA."""
    if len(clients) != 1:
        raise SettingsError("--reversal approves what takes one client's month back: name it with one --client KEY.")
    with open_month(month, "approve", *clients) as (work, halo):
        reversal, result = approve_reversal(work, halo, approver)
    head(f"To take back {month} of {clients[0]}")
    print_credits(reversal)
    _print_approved(month, result)
    head("To post it, as a draft to HaloPSA")
    say(f"    billing-pipeline reverse {month} --client {clients[0]} --post")
    return DONE


def _place(environment: Environment) -> HaloPsaPlace | None:
    if environment.halopsa_resource_server is None:
        return None
    return HaloPsaPlace(environment.halopsa_resource_server, environment.halopsa_tenant)


def _print_approved(month: str, result: ApprovingResult) -> None:
    if result.approved:
        head(f"{result.approver} approved {count(len(result.approved), 'plan')} of {month}")
        _print_plans(result.approved)
    elif not result.approved_before:
        head(f"No plan of {month} awaits an approval")
    for client in result.approved_before:
        say(f"{client}: {result.approver} approved this plan before; nothing was added.")
    remarks: dict[str, list[str]] = defaultdict(list)
    for one in result.approved:
        if one.remark is not None:
            remarks[one.remark].append(one.client)
    if remarks:
        head("Worth a look")
        for remark, of_clients in remarks.items():
            say_of_clients(of_clients, remark)


def _print_held(month: str, result: ApprovingResult) -> None:
    if not result.held:
        return
    head("Held by something else, and not approved")
    for client, reasons in result.held.items():
        say_wrapped(f"{client}: {', '.join(reasons)}", bullet="- ")
    say(f"What to do about it: billing-pipeline review {month}")


def _print_plans(plans: Sequence[ApprovedPlan]) -> None:
    columns = ("Client", "Plan", "Inv.", "Lines", "Sell", "Cost", "Cur")
    table = new_table(*columns, amounts=("Sell", "Cost"), counts=("Inv.", "Lines"))
    sums: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 4)
    for one in plans:
        for totals in one.totals:
            figures = [Decimal(totals.documents), Decimal(totals.lines), totals.sell, totals.cost]
            sums[totals.currency] = [a + b for a, b in zip(sums[totals.currency], figures, strict=True)]
            table.add_row(one.client, one.plan_hash[:12], *_cells(figures), totals.currency)
    table.add_section()
    for currency, figures in sorted(sums.items()):
        table.add_row("Total", "", *_cells(figures), currency, style="bold")
    show(table)


def _cells(figures: Sequence[Decimal]) -> list[str]:
    documents, lines, sell, cost = figures
    return [f"{documents:,}", f"{lines:,}", show_amount(sell), show_amount(cost)]


def _print_next(month: str, clients: Sequence[str], result: ApprovingResult) -> None:
    if not (result.approved or result.approved_before):
        return
    words = ["billing-pipeline", "close", month]
    for client in dict.fromkeys(clients):
        words += ["--client", client]
    # The close plans anew: a cap that was forced for these plans has to be forced for it too.
    for cap in sorted({cap for one in result.approved for cap in one.forced_caps}):
        words += ["--force-cap", cap]
    words += ["--correct"] if any(one.corrects for one in result.approved) else []
    head("To post what is approved, as drafts to HaloPSA")
    say(f"    {shlex.join([*words, '--post'])}")
