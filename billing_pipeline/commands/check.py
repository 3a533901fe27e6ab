"""`check`: credentials, rights and settings, tried without changing anything."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from billing_pipeline.billing.errors import BillingPipelineError, SettingsError, WarehouseError
from billing_pipeline.commands.connections import open_halopsa, open_pax8
from billing_pipeline.commands.outcome import DONE
from billing_pipeline.commands.progress import show_waits
from billing_pipeline.commands.surroundings import read_environment
from billing_pipeline.commands.terminal import count, head, notes, say, say_wrapped
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.settings.environment import Environment
from billing_pipeline.settings.load import LoadedSettings, load_settings
from billing_pipeline.settings.scope import refuse_what_is_not_carried_out
from billing_pipeline.steps.account_codes import account_codes
from billing_pipeline.steps.client_details import DETAILS_KIND, keep_known, read_details
from billing_pipeline.steps.settings_check import HaloPsaLists, check_settings
from billing_pipeline.steps.snapshots import store_snapshot


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
    with show_waits(), open_pax8(environment, loaded.settings) as pax8:
        return pax8.check()


def _check_halopsa(environment: Environment, loaded: LoadedSettings) -> list[str]:
    with show_waits(), open_halopsa(environment, loaded.settings) as halo:
        return halo.check()


def _check_lists(environment: Environment, loaded: LoadedSettings) -> int:
    head("What the settings name")
    with show_waits(), open_pax8(environment, loaded.settings) as pax8:
        companies = pax8.companies()
    with show_waits(), open_halopsa(environment, loaded.settings) as halo:
        items, recurring, clients = halo.items(), halo.recurring_invoices(), halo.clients()
        details = _read_details(environment, loaded, halo, clients, recurring)
        lists = HaloPsaLists(
            clients=clients,
            items=items,
            taxes=halo.taxes(),
            recurring_invoices=recurring,
            contracts=halo.contracts(),
            account_codes=account_codes(items, halo.product_groups(), recurring),
            client_details=details,
        )
    checked = check_settings(loaded, lists, companies, _today(environment, loaded))
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


def _read_details(
    environment: Environment,
    loaded: LoadedSettings,
    halo: HaloClient,
    clients: Sequence[Mapping[str, Any]],
    recurring: Sequence[Mapping[str, Any]],
) -> Sequence[Mapping[str, Any]]:
    """Every billed client's detail, read anew, and kept for the next close where there is a database."""
    today = _today(environment, loaded)
    read = read_details(loaded, clients, recurring, (), halo.client, today, anew=True)
    if environment.warehouse.exists():
        warehouse = Warehouse(environment.warehouse, environment.lock_wait_seconds)
        now = environment.now().replace(tzinfo=None)
        try:
            with warehouse.session("keep the client details that check read") as session:
                store_snapshot(session, DETAILS_KIND, keep_known(session, read.rows), halo.address, now)
        except WarehouseError as error:
            say_wrapped(f"what HaloPSA says of its own Pax8 billing was not kept: {error}", bullet="note  ")
    return read.rows


def _today(environment: Environment, loaded: LoadedSettings) -> date:
    return environment.now().astimezone(ZoneInfo(loaded.settings.time_zone)).date()


def _good(text: str) -> None:
    say_wrapped(text, bullet="ok    ")


def _bad(text: str) -> None:
    say(f"wrong {text}", notes(), style="red")
