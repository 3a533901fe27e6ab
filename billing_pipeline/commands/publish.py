"""`publish`: the database for analysts, made anew."""

from billing_pipeline.commands.outcome import DONE
from billing_pipeline.commands.surroundings import existing_warehouse, read_environment
from billing_pipeline.commands.terminal import count, say
from billing_pipeline.steps.publish import publish as publish_warehouse


def publish() -> int:
    """Copy the database to `published/` beside it, at once for every reader."""
    published = publish_warehouse(existing_warehouse(read_environment()))
    say(f"{published.file}")
    say(f"{count(published.head.rows, 'row')} in the posting journal, the last with the hash {published.head.row_hash}")
    return DONE
