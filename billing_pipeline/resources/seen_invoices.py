"""Invoices that HaloPSA surely has, for they were seen: what shows whether a filtered list may be believed."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, timedelta
from typing import Any

from billing_pipeline.billing.halopsa_days import read_day


class SeenInvoices:
    """The client and the day of each invoice that was seen, as it was seen last."""

    def __init__(self) -> None:
        self._facts: dict[int, tuple[int | None, date | None]] = {}

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Note what was read, or what a write was answered with."""
        for row in rows:
            if isinstance(row.get("id"), int):
                client_id = row.get("client_id")
                self._facts[row["id"]] = (client_id if isinstance(client_id, int) else None, day_of(row))

    def forget(self, invoice_id: int) -> None:
        """It is not there any more."""
        self._facts.pop(invoice_id, None)

    def dated_after(self, first: date) -> set[int]:
        """Those dated later than `first`. On `first` itself a time zone may make it another day."""
        return {invoice_id for invoice_id, (_, day) in self._facts.items() if day is not None and day > first}

    def of_client(self, client_id: int) -> set[int]:
        """Those of a HaloPSA client."""
        return {invoice_id for invoice_id, (whose, _) in self._facts.items() if whose == client_id}

    def before_the_newest(self) -> date | None:
        """The day before the last day that any of them has; None where none has a day."""
        days = [day for _, day in self._facts.values() if day is not None]
        return max(days) - timedelta(days=1) if days else None


def day_of(row: Mapping[str, Any]) -> date | None:
    """The day that an invoice says it is of, read in UTC: in the tenant's time zone it may be the day after. None where
    it is not set."""
    return read_day(row.get("invoice_date"), UTC)
