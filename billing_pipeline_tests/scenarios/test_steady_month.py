"""What a close that posts nothing asks of HaloPSA: the pages of its lists, one token, and the clients that changed."""

from collections import Counter
from math import ceil

from billing_pipeline.resources.oauth import forget_tokens
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.worlds import make_invoice, make_line, make_world, numbered_client

LISTS = {
    "Client": "clients",
    "Site": "sites",
    "Item": "items",
    "AssetGroup": "asset_groups",
    "Tax": "taxes",
    "Currency": "currencies",
    "RecurringInvoice": "recurring_invoices",
    "ClientContract": "contracts",
}
ROWS_A_PAGE = 100
NEW, CHANGED = numbered_client(150), numbered_client(3)


def pages(provider: Provider) -> dict[str, int]:
    """How many requests each list takes: its pages, and one more that brings nothing new, unless it is empty."""
    tables = provider.sandbox.halopsa.dump()
    return {
        f"GET /api/{name}": ceil(len(tables[table]) / ROWS_A_PAGE) + bool(tables[table]) or 1
        for name, table in LISTS.items()
    }


def spend(provider: Provider) -> Counter[str]:
    """The requests to HaloPSA of a close without posting, as a process of its own sends them, by route."""
    forget_tokens()
    before = Counter(provider.sandbox.halopsa_service.log.counts())
    provider.close(post=False)
    return Counter(provider.sandbox.halopsa_service.log.counts()) - before


def test_a_steady_month_asks_the_pages_of_its_lists_and_one_token(provider: Provider) -> None:
    everybody = [numbered_client(number) for number in range(1, 121)]
    clients = everybody[:5]
    lines = [make_line(number, one, "10.00") for number, one in enumerate(clients, start=1)]
    provider.set_up(make_world([*everybody, NEW], [make_invoice(lines)]), clients)

    first = spend(provider)
    assert first["GET /api/Client/{id}"] == len(clients)

    steady = spend(provider)
    assert steady == {**pages(provider), "POST /auth/token": 1}
    assert steady["GET /api/Client"] == 3

    # One client is mapped anew, and one was renamed in HaloPSA: these two are read, and nothing else.
    provider.set_clients([*clients, NEW])
    with provider.sandbox.halopsa.lock:
        changed = provider.sandbox.halopsa.find("clients", CHANGED.halopsa_id)
        assert changed is not None
        provider.sandbox.halopsa.put("clients", {**changed, "name": "Renamed"})
    assert spend(provider) - steady == {"GET /api/Client/{id}": 2}
