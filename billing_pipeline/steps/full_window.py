"""What a run does when HaloPSA refuses a write with 429: it waits for the window, looks for the key, and goes on.

By HaloPSA's contract nothing was written. It is looked for all the same, for a second document would be billed twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from billing_pipeline.billing.errors import NotWritten, ServiceError
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.retries import TOO_MANY_REQUESTS
from billing_pipeline.steps.halo_documents import Row, index_by_key
from billing_pipeline.steps.others_lines import read_target_row
from billing_pipeline.steps.posting_state import Posting
from billing_pipeline.steps.settle import is_carried_out

# Three windows without one write is somebody else's flood; twelve are an hour of waiting in one run.
MOST_WAITS_IN_A_ROW = 3
MOST_WAITS_OF_A_RUN = 12


def is_full(error: NotWritten) -> bool:
    """Whether HaloPSA refused a write because its window is full."""
    return error.status == TOO_MANY_REQUESTS


@dataclass
class Patience:
    """How often a run has waited. It is bounded: `gave_up` says why it waits no more, None while it does."""

    halo: HaloClient
    in_a_row: int = 0
    of_this_run: int = 0
    gave_up: str | None = None

    def wait(self, refused: NotWritten, then: str) -> bool:
        """Wait for the window after a 429; False where that was done often enough."""
        if self.in_a_row >= MOST_WAITS_IN_A_ROW or self.of_this_run >= MOST_WAITS_OF_A_RUN:
            self.gave_up = (
                f"HaloPSA still takes no more requests after {self.of_this_run} waits for its window, so something "
                f"else uses up its limit: {refused}"
            )
            return False
        self.in_a_row += 1
        self.of_this_run += 1
        self.halo.wait_for_window(refused, then)
        return True

    def went_through(self) -> None:
        """Count from the beginning: HaloPSA took a write."""
        self.in_a_row = 0


def look_for_document(posting: Posting, document: Row) -> list[Row]:
    """What HaloPSA has of a document whose write it refused: by its target, else by key and by its client.

    Raises what the HaloPSA client raises for reads.
    """
    if document["target_id"] is not None:
        row = read_target_row(posting.halo, document["target_id"])
        if row is None:
            return []
        if document["action"] == "update_recurring":
            return [row] if is_carried_out(row, document, posting.fields) else []
        return _bearing([row], document, posting)
    searched = posting.halo.invoices(search=document["document_key"])
    listed = posting.halo.invoices(client_id=document["billed_client_id"])
    return _bearing([*searched, *listed], document, posting)


def _bearing(rows: Sequence[Row], document: Row, posting: Posting) -> list[Row]:
    by_key = index_by_key(rows, posting.fields)
    keys = [document["document_key"], *(line["charge_key"] for line in document["lines"])]
    return list({int(row["id"]): row for key in keys for row in by_key.get(key, ())}.values())


def describe_failed_look(what: str, error: ServiceError) -> str:
    """What a person reads where the run could not look again after it waited."""
    return f"HaloPSA refused {what} with 429, and could not be looked at again after the wait: {error}"
