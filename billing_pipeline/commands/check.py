"""`check`: credentials, rights and settings, tried without changing anything."""

from collections.abc import Callable

from billing_pipeline.billing.errors import BillingPipelineError, SettingsError
from billing_pipeline.commands.connections import open_halopsa, open_pax8
from billing_pipeline.commands.outcome import DONE
from billing_pipeline.commands.surroundings import read_environment
from billing_pipeline.commands.terminal import count, head, notes, say, say_wrapped
from billing_pipeline.settings.environment import Environment
from billing_pipeline.settings.load import LoadedSettings, load_settings
from billing_pipeline.settings.scope import refuse_what_is_not_carried_out
from billing_pipeline.steps.account_codes import account_codes
from billing_pipeline.steps.settings_check import HaloPsaLists, check_settings


def check() -> int:
    """Try everything that a month needs, and write a line for each thing that works and each that does not."""
    environment = read_environment()
    head("Settings")
    loaded = load_settings(environment.config_folder)
    refuse_what_is_not_carried_out(loaded.settings)
    _good(f"{environment.config_folder}: {count(len({row.client for row in loaded.clients}), 'client')}")
    worst = max(
        _try("Pax8", lambda: _check_pax8(environment, loaded)),
        _try("HaloPSA", lambda: _check_halopsa(environment, loaded)),
    )
    if worst:
        return worst
    return _check_lists(environment, loaded)


def _try(service: str, probe: Callable[[], list[str]]) -> int:
    head(service)
    try:
        for line in probe():
            _good(line)
    except BillingPipelineError as error:
        # One service's trouble must not hide the other's.
        for line in str(error).splitlines():
            _bad(line)
        return error.exit_code
    return DONE


def _check_pax8(environment: Environment, loaded: LoadedSettings) -> list[str]:
    with open_pax8(environment, loaded.settings) as pax8:
        return pax8.check()


def _check_halopsa(environment: Environment, loaded: LoadedSettings) -> list[str]:
    with open_halopsa(environment, loaded.settings) as halo:
        return halo.check()


def _check_lists(environment: Environment, loaded: LoadedSettings) -> int:
    head("What the settings name")
    with open_pax8(environment, loaded.settings) as pax8:
        companies = pax8.companies()
    with open_halopsa(environment, loaded.settings) as halo:
        items, recurring = halo.items(), halo.recurring_invoices()
        lists = HaloPsaLists(
            clients=halo.clients(),
            items=items,
            taxes=halo.taxes(),
            recurring_invoices=recurring,
            contracts=halo.contracts(),
            account_codes=account_codes(items, halo.product_groups(), recurring),
        )
    checked = check_settings(loaded, lists, companies)
    for remark in checked.remarks:
        say_wrapped(remark, bullet="note  ")
    for problem in checked.problems:
        _bad(problem)
    if checked.problems:
        raise SettingsError(
            f"{count(len(checked.problems), 'setting')} to correct in {environment.config_folder}. Nothing was changed."
        )
    _good("every item, tax, client, recurring invoice and contract is there")
    say("\nReady: billing-pipeline close MONTH prepares a month and posts nothing.")
    return DONE


def _good(text: str) -> None:
    say_wrapped(text, bullet="ok    ")


def _bad(text: str) -> None:
    say(f"wrong {text}", notes(), style="red")
