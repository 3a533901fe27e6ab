"""A person who does what the holds and findings say, and nothing else."""

from billing_pipeline_tests.torture.ledger import Ledger
from billing_pipeline_tests.torture.scene import Scene

# "Close again" is all that these ask for.
PASSING = {"unknown_outcome", "target_changed"}
NO_TEMPLATE = {"no_recurring_invoice", "not_issued"}


def settle_as_told(scene: Scene, ledger: Ledger) -> None:
    """Repair what the pipeline says must be repaired in HaloPSA or in the settings before it goes on."""
    for document_id, lost in ledger.damaged.items():
        # "Repair them in HaloPSA", and whoever looks after this HaloPSA sets it right.
        scene.switch(lines="replace", recompute_tax=None)
        scene.shadow.restore(document_id, lost)
    for client, reason in sorted(ledger.held):
        if reason in NO_TEMPLATE:
            scene.bill_on_new_invoices(client)
        elif reason not in PASSING:
            raise AssertionError(f"{client} is held for {reason}, which nothing here brings about")
