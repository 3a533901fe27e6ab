"""A demo of two clients, for tests that need one to have run; as a program it takes the folder."""

import sys
from pathlib import Path

from billing_pipeline.demo.folder import DemoFolder
from billing_pipeline.demo.month import DemoStory, run_demo
from billing_pipeline.sandbox.world import World
from billing_pipeline_tests.scenarios.worlds import ACME, BIRCH, ITEM, MONTH, make_invoice, make_line, make_world

CONFIG = {
    "billing.yaml": (
        f"start_month: 2026-10\nsettings: {{product_lifecycle: {{mode: default_item}}, codes: {{item: {ITEM}}}}}\n"
    ),
    "clients.csv": (
        "client,name,halopsa_client_id,pax8_company_id,excluded,recurring_invoice_id,contract_id\n"
        f"acme,Acme Dental,{ACME.halopsa_id},{ACME.company_id},false,,\n"
        f"birch,Birch Legal,{BIRCH.halopsa_id},{BIRCH.company_id},true,,\n"
    ),
}


def small_world() -> World:
    """Acme is billed, Birch is excluded."""
    return make_world([ACME, BIRCH], [make_invoice([make_line(1, ACME, "10.00"), make_line(2, BIRCH, "5.00")])])


SMALL_STORY = DemoStory(
    world=small_world,
    config=lambda: CONFIG,
    closings=((MONTH, "2026-10-06T15:00:00Z"),),
    holds=lambda: {"birch": "excluded_client"},
)


if __name__ == "__main__":
    result = run_demo(DemoFolder(Path(sys.argv[1]).absolute()), lambda stage: None, SMALL_STORY)
    sys.exit("\n".join(result.differs) or None)
