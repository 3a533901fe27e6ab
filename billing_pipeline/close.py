"""Close a month: four runs in order, on the same Dagster instance as the UI, under one tag."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from billing_pipeline.automation import (
    CLOSE_ID_TAG,
    FETCH_MONTH,
    POST_MONTH,
    PREPARE_MONTH,
    PREPARED_BY_TAG,
    PROVE_MONTH,
    close_id,
)
from billing_pipeline.billing.caps import CAP_NAMES
from billing_pipeline.billing.errors import BillingPipelineError, SettingsError, WarehouseLocked
from billing_pipeline.billing.months import is_month
from billing_pipeline.definitions import build_defs
from billing_pipeline.event_log import event_log_kept_open
from billing_pipeline.instance import fail_dead_runs, open_instance, process_tags
from billing_pipeline.partitions import (
    CLIENTS,
    PARTITION_TAG,
    client_blocks,
    range_tags,
    register_clients,
    whole_range,
)
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.settings.environment import Environment
from billing_pipeline.settings.load import LoadedSettings, load_settings
from billing_pipeline.settings.nearest import suggest
from billing_pipeline.settings.scope import refuse_what_is_not_carried_out
from billing_pipeline.steps.map_companies import clients_of_month, clients_to_redo
from billing_pipeline.steps.month_history import open_postings

Progress = Callable[[str], None]

# Dagster raises it for a blocking check that fails, and has no public name for it.
_CHECK_FAILED = "DagsterAssetCheckFailedError"


class RunFailed(BillingPipelineError):
    """A Dagster run failed for a reason that is not one of the pipeline's own errors."""


@dataclass(frozen=True)
class Closing:
    """What is to be closed: `clients` empty means all, `force_caps` are caps that a person chose to pass.

    `correct` asks for the differences of invoices that were credited after their charges were posted.
    """

    month: str
    clients: tuple[str, ...] = ()
    post: bool = False
    force_caps: tuple[str, ...] = ()
    correct: bool = False


@dataclass(frozen=True)
class Closed:
    """What a close did: its tag, the runs by job, and the clients it was for."""

    close_id: str
    clients: tuple[str, ...]
    runs: tuple[tuple[str, str], ...]
    dead_runs: tuple[str, ...] = ()


@dataclass
class _Runs:
    """The runs of one close."""

    defs: dg.Definitions
    instance: dg.DagsterInstance
    tags: Mapping[str, str]
    progress: Progress
    done: list[tuple[str, str]] = field(default_factory=list)

    def run(self, job: str, tags: Mapping[str, str], said: str, config: Mapping[str, Any] | None = None) -> None:
        """Run a job in this process, or raise what made it fail."""
        self.progress(said)
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        result = self.defs.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            tags={**self.tags, **tags},
            run_config={**quiet, **({"ops": dict(config)} if config else {})},
            raise_on_error=True,
        )
        self.done.append((job, result.run_id))


def close_month(environment: Environment, closing: Closing, progress: Progress = lambda _: None) -> Closed:
    """Fetch, prepare, post if asked to, prove and publish a month.

    Raises SettingsError for a month, client or cap that does not exist, and what made a run fail: an error of
    the pipeline as it is, anything else as RunFailed.
    """
    config = load_settings(environment.config_folder)
    refuse_what_is_not_carried_out(config.settings)
    _refuse_wrong_usage(environment, config, closing)
    warehouse = Warehouse(environment.warehouse, environment.lock_wait_seconds)
    with (
        warehouse.kept_open(),
        open_instance(environment.dagster_home) as instance,
        event_log_kept_open(instance),
    ):
        dead = fail_dead_runs(instance)
        tags = {CLOSE_ID_TAG: close_id(closing.month, environment.now()), **process_tags()}
        runs = _Runs(build_defs(environment), instance, tags, progress)
        try:
            clients = _run_all(runs, warehouse, config, closing)
        except BillingPipelineError:
            raise
        except (dg.DagsterError, dg.Failure) as error:
            raise RunFailed(_explain(error, closing.month)) from error
        except dg.DagsterExecutionInterruptedError as stop:
            raise KeyboardInterrupt from stop
    return Closed(tags[CLOSE_ID_TAG], tuple(clients), tuple(runs.done), tuple(dead))


def _run_all(runs: _Runs, warehouse: Warehouse, config: LoadedSettings, closing: Closing) -> list[str]:
    month = closing.month
    if closing.post:
        _settle_first(runs, warehouse, closing)
    runs.run(
        FETCH_MONTH,
        {PARTITION_TAG: month, PREPARED_BY_TAG: "the close that fetched it"},
        f"Fetching {month}: what Pax8 charges, and what HaloPSA has",
    )
    with warehouse.session("list the month's clients") as session:
        everyone = clients_of_month(session, config, month)
        _refuse_unknown_clients(closing.clients, everyone)
        some = clients_to_redo(session, config, month, list(closing.clients)) if closing.clients else []
    register_clients(runs.instance, everyone)
    registered = runs.instance.get_dynamic_partitions(CLIENTS)
    clients = some or whole_range(registered, everyone)
    blocks = client_blocks(registered, clients)
    count = f"{len(clients)} client{'s' if len(clients) != 1 else ''}"
    chosen = {"force_caps": list(closing.force_caps), "correct": closing.correct}
    planning = {"ready_to_invoice": {"config": chosen}}
    for block in blocks:
        runs.run(PREPARE_MONTH, range_tags(month, block), f"Preparing {_part(block, blocks, count)}", planning)
    proving = {PARTITION_TAG: month}, f"Proving {month} and publishing the database"
    if closing.post:
        confirmed = {"posted_halopsa_invoices": {"config": {"confirm_month": month}}}
        try:
            for block in blocks:
                runs.run(POST_MONTH, range_tags(month, block), f"Posting {_part(block, blocks, count)}", confirmed)
        except WarehouseLocked:
            raise
        except Exception:
            # What was posted before it stopped is proved and published all the same; why it stopped is what is told.
            with suppress(Exception):
                runs.run(PROVE_MONTH, *proving)
            raise
    runs.run(PROVE_MONTH, *proving)
    return clients


def _part(block: Sequence[str], blocks: Sequence[Sequence[str]], count: str) -> str:
    return count if len(blocks) == 1 else f"{block[0]} to {block[-1]}" if len(block) > 1 else block[0]


def _settle_first(runs: _Runs, warehouse: Warehouse, closing: Closing) -> None:
    """Look for postings whose outcome is unknown before planning, so that what is settled is planned at once."""
    with warehouse.session("look for unknown postings") as session:
        opened = sorted(open_postings(session, closing.month))
    asked = [client for client in opened if not closing.clients or client in closing.clients]
    # The instance may be a new one that never saw these clients; the database knows what was sent all the same.
    register_clients(runs.instance, asked)
    confirmed = {"posted_halopsa_invoices": {"config": {"confirm_month": closing.month}}}
    for block in client_blocks(runs.instance.get_dynamic_partitions(CLIENTS), asked):
        runs.run(POST_MONTH, range_tags(closing.month, block), f"Looking for {len(block)} unknown postings", confirmed)


def _refuse_wrong_usage(environment: Environment, config: LoadedSettings, closing: Closing) -> None:
    first = config.settings.start_month
    current = f"{environment.now().astimezone(_zone(config)):%Y-%m}"
    if not is_month(closing.month) or not first <= closing.month <= current:
        raise SettingsError(
            f"{closing.month!r} is no month that can be closed: use YYYY-MM, from {first} (start_month) to {current}."
        )
    for name in closing.force_caps:
        if name not in CAP_NAMES:
            raise SettingsError(f"{name!r} is no cap: use one of {', '.join(CAP_NAMES)}.")


def _zone(config: LoadedSettings) -> Any:
    return ZoneInfo(config.settings.time_zone)


def _refuse_unknown_clients(asked: Sequence[str], everyone: Sequence[str]) -> None:
    unknown = [client for client in asked if client not in everyone]
    if unknown:
        raise SettingsError(
            "\n".join(f"{client!r} is no client of this month: {suggest(client, everyone)}" for client in unknown)
        )


def _explain(error: dg.DagsterError | dg.Failure, month: str) -> str:
    if isinstance(error, dg.Failure) and error.description:
        return error.description
    if type(error).__name__ == _CHECK_FAILED:
        failed = ", ".join(line for line in str(error).splitlines()[1:] if line)
        return (
            f"A check of {month} failed, so nothing after it was done: {failed}. Its table in the Dagster UI "
            "(dagster-webserver with this DAGSTER_HOME) says what differs; then run "
            f"billing-pipeline close {month} again."
        )
    cause = error.__cause__ or error
    return f"{type(cause).__name__}: {cause}"
