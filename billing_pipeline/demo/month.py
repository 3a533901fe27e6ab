"""The demo month, closed for real: through Dagster, over HTTP, from the first fetch to the published database."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from billing_pipeline.billing.errors import BillingPipelineError
from billing_pipeline.close import Closing, close_month
from billing_pipeline.demo.folder import DemoFolder, Ports
from billing_pipeline.demo.loopback import stay_on_loopback
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.sandbox.demo_world import DEMO_MONTH, DEMO_NOW, build_demo_world, demo_config, demo_holds
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline.sandbox.world import World
from billing_pipeline.steps.month_summary import MonthSummary, summarize_month


@dataclass(frozen=True)
class DemoStory:
    """What a demo closes: a world, the settings that fit it, months with the time of their closing, and the holds
    (client -> reason) that the last of them is made to have."""

    world: Callable[[], World]
    config: Callable[[], Mapping[str, str]]
    closings: tuple[tuple[str, str], ...]
    holds: Callable[[], Mapping[str, str]]


# The month before is closed too, so that the demo month has something to be compared with.
STORY = DemoStory(
    world=build_demo_world,
    config=demo_config,
    closings=(("2026-09", "2026-09-08T15:00:00Z"), (DEMO_MONTH, DEMO_NOW)),
    holds=demo_holds,
)


@dataclass(frozen=True)
class DemoResult:
    """What the last month came to; `differs` says where it is not what its world was made for."""

    summary: MonthSummary
    differs: tuple[str, ...]
    published: Path


def run_demo(folder: DemoFolder, progress: Callable[[str], None], story: DemoStory = STORY) -> DemoResult:
    """Make the folder new, serve the world of the story, and close its months with post.

    Raises DemoInUse, SettingsError for a folder that is not the demo's, and what closing raises.
    """
    stay_on_loopback()
    last, _ = story.closings[-1]
    with folder.hold("run the demo"):
        folder.reset(story.config())
        progress("Starting a Pax8 and a HaloPSA of our own on this machine")
        with Sandbox(story.world(), state_file=folder.state_file) as sandbox:
            for month, now in story.closings:
                sandbox.clock.set(datetime.fromisoformat(now))
                environment = folder.environment(sandbox.environment, now)
                close_month(environment, Closing(month, post=True), progress)
            folder.save_ports(Ports(_port(sandbox.pax8_url), _port(sandbox.halopsa_url)))
        summary = summarize_month(Warehouse(folder.warehouse), last)
    if summary is None:
        raise BillingPipelineError(f"{folder.warehouse} holds nothing of {last}, though it was closed.")
    return DemoResult(summary, tuple(find_differences(summary, story.holds())), folder.published)


def find_differences(summary: MonthSummary, expected: Mapping[str, str]) -> list[str]:
    """Where a month differs from the holds it is made to have, or from a whole proof; none is as it should be."""
    found: dict[str, set[str]] = {one.client: {"excluded_client"} for one in summary.clients if one.excluded}
    for cause in summary.held:
        found.setdefault(cause.client, set()).add(cause.reason)
    differs = []
    for client in sorted({*found, *expected}):
        reasons, wanted = found.get(client, set()), {expected[client]} if client in expected else set()
        if reasons != wanted:
            differs.append(
                f"{client} is held for {', '.join(sorted(reasons)) or 'nothing'}, "
                f"and should be for {', '.join(wanted) or 'nothing'}"
            )
    differs += [
        f"{total.sell_gap} {total.currency} of sell and {total.cost_gap} of cost are not explained"
        for total in summary.totals
        if total.sell_gap or total.cost_gap
    ]
    differs += summary.differences
    differs += summary.refused
    if summary.open_documents:
        differs.append(f"{summary.open_documents} planned documents were not posted")
    return differs


def _port(url: str) -> int:
    return urlsplit(url).port or 0
