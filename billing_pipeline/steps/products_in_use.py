"""The products that need a HaloPSA item: those of the newest prepared month, and those of current subscriptions."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.client_keys import UNASSIGNED, unmapped_client_key
from billing_pipeline.billing.product_match import Product
from billing_pipeline.billing.subscription_products import current_products, product_charged
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.steps.map_companies import rows_of_companies

Row = Mapping[str, Any]


@dataclass(frozen=True)
class ProductUse:
    """A product that one client is charged for, and what the month has of it, exact, by currency."""

    product: Product
    client: str
    sell: Mapping[str, Decimal] = field(default_factory=dict, hash=False)


def newest_month(session: Session) -> str | None:
    """The newest month that was prepared; None before the first."""
    month = session.value("select max(month) from modified_charges")
    return None if month is None else str(month)


def products_of_month(session: Session, month: str) -> list[ProductUse]:
    """What is left to bill of a month after its modifiers, a row a product and client; sorted."""
    sells: dict[tuple[Product, str], dict[str, Decimal]] = defaultdict(dict)
    for row in session.rows(
        "select integration, coalesce(product_id, '') as product_id, coalesce(sku, '') as sku, "
        "coalesce(term, '') as term, coalesce(product_name, '') as name, client, currency, "
        "cast(sum(sell) as decimal(38, 18)) as sell from modified_charges "
        "where month = ? and outcome = 'kept' group by all order by all",
        [month],
    ):
        client, currency, sell = row.pop("client"), row.pop("currency"), row.pop("sell")
        sells[Product(**row), client][currency] = sell
    return [ProductUse(product, client, sell) for (product, client), sell in sells.items()]


def products_ever_charged(session: Session) -> list[Product]:
    """Every product of every month, dropped ones too; sorted."""
    rows = session.rows(
        "select distinct integration, coalesce(product_id, '') as product_id, coalesce(sku, '') as sku, "
        "coalesce(term, '') as term, coalesce(product_name, '') as name from modified_charges order by all"
    )
    return [Product(**row) for row in rows]


def products_of_subscriptions(
    session: Session, config: LoadedSettings, subscriptions: Sequence[Row], catalogue: Sequence[Row]
) -> list[ProductUse]:
    """What current Pax8 subscriptions will be charged as, a row a product and client; sorted.

    Those of excluded clients are left out, and what a client's modifiers drop. A company that nobody has mapped yet
    has the settings of no client.
    """
    rows = rows_of_companies(session, config)
    uses = {}
    for one in current_products(subscriptions, catalogue):
        row = rows.get(one.company_id.lower())
        if row is not None and row.excluded:
            continue
        client = (
            row.client if row is not None else unmapped_client_key(one.company_id) if one.company_id else UNASSIGNED
        )
        product = product_charged(one, config.resolve(client, one.product.integration).charge.modifiers)
        if product is not None:
            uses[product, client] = ProductUse(product, client)
    return [uses[key] for key in sorted(uses, key=lambda key: (*vars(key[0]).values(), key[1]))]
