"""Reading reviews of a provider, and the figures that they must agree with."""

from decimal import Decimal

from billing_pipeline.settings.load import load_settings
from billing_pipeline.steps.month_review import ClientReview, MonthReview, review_month
from billing_pipeline.steps.review_documents import DocumentReview
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import OCTOBER

Line = tuple[str, str, str | None, str | None]


def read_review(provider: Provider, month: str = OCTOBER, *clients: str) -> MonthReview:
    """The review of a month, with the settings of now."""
    found = review_month(provider.warehouse, month, load_settings(provider.folder / "config"), clients)
    assert found is not None
    return found


def read_client(provider: Provider, month: str = OCTOBER, client: str = "client-1") -> ClientReview:
    """One client of the review of a month."""
    (found,) = [one for one in read_review(provider, month).clients if one.client == client]
    return found


def lines_of(document: DocumentReview) -> list[Line]:
    """What becomes of each line: the change, its name, and its amount before and after, None where it is not billed."""
    return [(line.change, line.after.text, _amount(line.before), _amount(line.after)) for line in document.lines]


def _amount(state: object) -> str | None:
    sell, inactive = getattr(state, "sell", None), getattr(state, "inactive", True)
    return None if inactive or sell is None else f"{sell:.2f}"


def total_in_halopsa(provider: Provider, document_id: int) -> Decimal:
    """What a document of HaloPSA comes to, before tax."""
    lines = provider.document(document_id)["lines"]
    return sum((Decimal(str(line["net_amount"])) for line in lines if not line.get("isinactive")), Decimal(0))


def sums_of_three_way(provider: Provider, month: str = OCTOBER) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    """Planned sell and cost by client and currency, where there is any."""
    rows = provider.rows("select * from three_way where month = ? and planned_sell <> 0", month)
    return {(row["client"], row["currency"]): (row["planned_sell"], row["planned_cost"]) for row in rows}
