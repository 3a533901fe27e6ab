"""Any month: a few lines of any kind and amount, settings of any sort, and how to run them."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from billing_pipeline.sandbox.world import World
from billing_pipeline_tests.golden.case_files import USUAL, Row, expand_line, make_invoice, make_world
from billing_pipeline_tests.golden.case_run import CaseRun, Services
from billing_pipeline_tests.properties.profiles import bounded

AZURE = "Microsoft Azure Plan - Arrears Charge - {0} - 3333333{1}-3333-4333-8333-333333333333 - Storage"

# Each example is a whole month over HTTP and in DuckDB: a few say much.
BOUNDED = bounded(4)


@dataclass(frozen=True)
class AnyMonth:
    """A generated month: lines by name in the order of the invoice, and the settings of every charge.

    HaloPSA has an open invoice and a recurring invoice of Acme Dental, each with a line of others.
    """

    lines: Mapping[str, Row]
    charge_settings: Mapping[str, Any]
    client_settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> dict[str, str]:
        """The settings folder."""
        whole = {
            "settings": {"product_lifecycle": {"mode": "default_item"}, "codes": {"item": 900}, **self.charge_settings},
            "clients": {"acme-dental": {"settings": dict(self.client_settings)}},
        }
        clients = (USUAL / "clients.csv").read_text(encoding="utf-8")
        return {"billing.yaml": yaml.safe_dump(whole), "clients.csv": clients.replace("false,,", "false,-7,", 1)}

    @property
    def world(self) -> World:
        """The usual world of the golden cases with these lines on its invoice."""
        line = {"_itemid": 901, "item_shortdescription": "Labour", "qty_order": 1, "unit_cost": 0}
        shared = {"client_id": 246, "currency_code": 1}
        return make_world(
            [make_invoice(list(self.lines.values()))],
            {
                "items": [{"id": 900, "name": "Cloud services", "taxcode": 5}, {"id": 901, "name": "Labour"}],
                "invoices": [
                    {
                        **shared,
                        "id": 55,
                        "invoice_date": "2026-10-02T00:00:00",
                        "lines": [{**line, "id": 10, "unit_price": Decimal("900.00")}],
                    }
                ],
                "recurring_invoices": [
                    {
                        **shared,
                        "id": -7,
                        "period": 2,
                        "disabled": False,
                        "startdate": "2025-01-01T00:00:00",
                        "lastcreated": "2026-10-01T00:00:00",
                        "nextcreationdate": "2026-11-01T00:00:00",
                        "lines": [{**line, "id": 11, "unit_price": Decimal("900.00")}],
                    }
                ],
            },
        )

    def reordered(self, names: Sequence[str]) -> "AnyMonth":
        """The same lines in another order."""
        return replace(self, lines={name: self.lines[name] for name in names})


def amounts() -> st.SearchStrategy[Decimal]:
    """Amounts of either sign, zero among them, with up to eight decimals."""
    sized = st.builds(
        lambda number, places: Decimal(number).scaleb(-places), st.integers(-99_999, 999_999), st.integers(2, 8)
    )
    return st.one_of(st.sampled_from([Decimal("22.00"), Decimal(0), Decimal("0.005"), Decimal("-0.005")]), sized)


def lines(number: int, currencies: Sequence[str] = ("USD",)) -> st.SearchStrategy[Row]:
    """Line `number`: of any class, for a client, for a company that nobody mapped, or for nobody."""
    kinds = ("licence", "azure", "prorate", "credit", "reservation", "onboarding", "fee", "acronis")
    written = st.fixed_dictionaries(
        {
            "like": st.sampled_from(kinds),
            "sell": amounts().map(lambda amount: f"{amount:f}"),
            "cost": amounts().map(lambda amount: f"{amount:f}"),
            "quantity": st.integers(1, 12).map(str),
            "companyName": st.sampled_from(["Acme Dental"] * 4 + ["Birch Legal"] * 4 + ["Dune Design", "null"]),
            "currencyCode": st.sampled_from(currencies),
            # A period of a month, of a day, of nothing, and what lies at the ends of the calendar.
            "startPeriod": st.sampled_from(["2026-10-01"] * 3 + ["null", "0001-01-01", "9999-12-31"]),
            "endPeriod": st.sampled_from(["2026-10-31"] * 3 + ["2026-10-01", "null", "0001-01-01", "9999-12-31"]),
            "purchaseOrderNumber": st.sampled_from(["N/A", "PO-1", "PO-2"]),
        }
    )
    return st.tuples(written, st.integers(1, 2)).map(lambda drawn: _line(number, *drawn))


def _line(number: int, written: dict[str, str], subscription: int) -> Row:
    row = expand_line(number, written)
    if written["like"] == "azure":
        row["description"] = AZURE.format(f"Subscription {subscription}", subscription)
    return row


def modifiers() -> st.SearchStrategy[dict[str, Any]]:
    """Modifiers of any sort."""
    classes = st.sets(st.sampled_from(["azure_consumption", "azure_commitment", "other_arrears"]), min_size=1)
    return st.fixed_dictionaries(
        {
            "drop_azure": st.sampled_from([False, False, False, True]),
            "collapse_azure": st.sampled_from([True, False]),
            "collapse_by": st.sampled_from(["client", "period", "azure_subscription"]),
            "drop_favorable_prorata": st.booleans(),
            "drop_zero": st.booleans(),
            "zero_test": st.sampled_from(["sell_and_cost", "sell", "cost"]),
            "azure_classes": classes.map(sorted),
        }
    )


def charge_settings() -> st.SearchStrategy[dict[str, Any]]:
    """Modifiers and behaviours of any sort."""
    behaviour = st.fixed_dictionaries(
        {
            "target": st.sampled_from(["new", "latest"]),
            "group_by": st.sampled_from(["client", "integration", "purchase_order"]),
            "date": st.sampled_from(["source", "today"]),
        }
    )
    return st.fixed_dictionaries({"modifiers": modifiers(), "behaviour": behaviour})


@st.composite
def months(draw: st.DrawFn, fewest: int = 10, most: int = 20) -> AnyMonth:
    """A month of so many lines; in one of four, lines in a currency that holds their client."""
    count = draw(st.integers(fewest, most))
    currencies = draw(st.sampled_from([("USD",), ("USD",), ("USD",), ("USD", "USD", "CAD")]))
    rows = {f"L{number}": draw(lines(number, currencies)) for number in range(1, count + 1)}
    own: dict[str, Any] = draw(st.one_of(charge_settings(), st.just({})))
    # Only Acme Dental has a recurring invoice.
    own.setdefault("behaviour", {})["target"] = draw(st.sampled_from(["recurring", "latest", "new"]))
    return AnyMonth(rows, draw(charge_settings()), own)


@contextmanager
def run_month(services: Services, month: AnyMonth) -> Iterator[CaseRun]:
    """The month, fetched and prepared, in a folder of its own that goes away."""
    with tempfile.TemporaryDirectory() as folder, closing(CaseRun.start(services, month, Path(folder))) as run:
        run.fetch()
        run.prepare()
        yield run
