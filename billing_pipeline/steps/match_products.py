"""Match products with HaloPSA items under each client's product lifecycle, and create what it says is created."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from billing_pipeline.billing.item_decision import ItemDecision, decide_item, make_new_item
from billing_pipeline.billing.known_codes import KnownCodes
from billing_pipeline.billing.plan_types import NewItem
from billing_pipeline.billing.product_match import ConfirmedProduct, Product, ProductMatcher
from billing_pipeline.billing.settings import ChargeSettings
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.steps import journal
from billing_pipeline.steps.halo_facts import integer, item_of, text
from billing_pipeline.steps.new_items import create_items
from billing_pipeline.steps.posting_state import Posting, make_writer
from billing_pipeline.steps.products_in_use import ProductUse
from billing_pipeline.steps.work import Work

Row = Mapping[str, Any]


@dataclass(frozen=True)
class MatchedProduct:
    """What becomes of one product for the clients for whom it is the same.

    `modes` are those of their product lifecycles, or `off`; `item_name` is HaloPSA's. `problems` say why it is held;
    `new_item` is what would be created.
    """

    product: Product
    modes: tuple[str, ...]
    clients: tuple[str, ...]
    decision: ItemDecision
    item_name: str | None
    new_item: NewItem | None
    problems: tuple[str, ...]


@dataclass(frozen=True)
class CreatedItems:
    """Item ids by reference, and for references that have none, why not."""

    item_ids: Mapping[str, int]
    problems: Mapping[str, str]


def match_products(
    config: LoadedSettings,
    uses: Iterable[ProductUse],
    items: Sequence[Row],
    confirmed: Sequence[ConfirmedProduct],
    known: KnownCodes,
) -> list[MatchedProduct]:
    """A row for each product and what becomes of it: what is held first, then what is new. Changes nothing."""
    matcher = ProductMatcher(map(item_of, items), confirmed)
    names = {item_id: text(row.get("name")) for row in items if (item_id := integer(row.get("id"))) is not None}
    groups: dict[tuple[Product, ItemDecision, tuple[str, ...]], dict[str, ChargeSettings]] = defaultdict(dict)
    for use in sorted(uses, key=lambda use: use.client):
        charge = config.resolve(use.client, use.product.integration).charge
        decision = decide_item(use.product, matcher, charge, names)
        problems = [decision.said] if decision.reason is not None else []
        if decision.decision == "create":
            problems += known.find_unknown(charge.codes)
        groups[use.product, decision, tuple(problems)][use.client] = charge
    matched = [
        MatchedProduct(
            product,
            tuple(sorted({_mode(charge) for charge in clients.values()})),
            tuple(clients),
            decision,
            None if decision.item_id is None else names.get(decision.item_id),
            make_new_item(product, next(iter(clients.values()))) if decision.decision == "create" else None,
            problems,
        )
        for (product, decision, problems), clients in groups.items()
    ]
    return sorted(matched, key=_most_urgent)


def create_matched(work: Work, halo: HaloClient, matched: Iterable[MatchedProduct]) -> CreatedItems:
    """Create what `create` mode has no item for, each once, under the posting lock and with a journal.

    Items that exist are never modified. Raises PostingRefused where the journal is broken or another HaloPSA's, and
    WarehouseLocked where another process posts. What HaloPSA refuses is told in the result.
    """
    wanted = [vars(one.new_item) for one in matched if one.new_item is not None and not one.problems]
    posting = Posting(work, halo, make_writer(halo, work.run_id))
    with work.warehouse.posting_lock("create items in HaloPSA"):
        with work.warehouse.session("check the journal") as session:
            again = "run billing-pipeline products match again"
            journal.refuse_other_tenant(session, halo.address, halo.tenant, "Nothing was created.", again)
            journal.refuse_broken(session, work.warehouse.published, "Nothing was created.", again)
        item_ids, problems = create_items(posting, wanted)
    return CreatedItems(item_ids, {reference: problem.said for reference, problem in problems.items()})


def _most_urgent(one: MatchedProduct) -> tuple[bool, bool, str, tuple[str, ...], tuple[str, ...]]:
    product = one.product
    cells = (product.integration, product.product_id, product.sku, product.term, product.name)
    return not one.problems, one.new_item is None, product.name.casefold(), cells, one.clients


def _mode(charge: ChargeSettings) -> str:
    return charge.product_lifecycle.mode if charge.product_lifecycle.enabled else "off"
