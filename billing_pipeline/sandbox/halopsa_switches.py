"""What tenants of HaloPSA are known, or feared, to do differently: each is a switch."""

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

CHOICES: dict[str, tuple[Any, ...]] = {
    "paging": ("obey", "cap100", "ignore", "ignore_all", "lying_record_count", "repeat", "skip"),
    "lines": ("replace", "append", "duplicate"),
    "update_answer": ("whole", "sent", "bare"),
    "record_count": ("copies_count", "right", "too_high"),
    "date_filter": ("obey", "ignore", "hide_days", "hide"),
    "permission_status": (401, 403),
    "unset_code": (0, -1),
    "days": ("midnight", "local_midnight"),
    "date_suffix": ("", "Z"),
}


@dataclass(frozen=True)
class HaloSwitches:
    """How this tenant behaves. The defaults are what most live tenants do.

    ValueError names a value that a switch does not have.
    """

    # obey | cap100: never more than 100 a page | ignore: page_size is always 50
    # ignore_all: every answer holds every row | lying_record_count: it is the number of rows of the page
    # repeat: the first page comes twice, and all others a page later | skip: the second page never comes
    paging: str = "obey"
    # how many rows a page has at most, whatever page_size says
    largest_page: int | None = None
    # replace: the sent lines are the lines | append: lines that were not sent stay
    # duplicate: every sent line is added as a new one, also those with an id
    lines: str = "replace"
    # whole: the answer to an update shows the document as it is now | sent: with the lines that were sent, whatever
    # became of them | bare: without lines
    update_answer: str = "whole"
    # what record_count says. copies_count: the parameter `count` where it is sent, else how many rows there are
    # right: how many rows there are, whatever is sent | too_high: always some that do not exist
    record_count: str = "copies_count"
    # invoicedatestart and invoicedateend. ignore: every row comes | hide_days: days without a time bring no row at all,
    # datetimes work | hide: either of them brings no row, whatever it says
    date_filter: str = "obey"
    # fields that lists leave out and only the detail with includedetails=true holds
    detail_only: tuple[str, ...] = (
        "customfields",
        "delivery_address",
        "invoice_address",
        "pax8monthlyinvoice",
        "pax8annualinvoice",
        "startbalance",
        "sales_tax_code",
    )
    # query parameters that this tenant ignores without a word, as "client_id"
    ignored_parameters: tuple[str, ...] = ()
    # whether `search` on invoices looks into `reference` too
    search_reference: bool = True
    # the client that every new invoice lands on, whoever it was meant for
    redirect_client_to: int | None = None
    # the Tax.id that HaloPSA puts on every line it is sent, whatever the line says
    recompute_tax: int | None = None
    # after so many reads of an invoice the accounting sync gives it another number; 0: already in the answer
    renumber_after: int | None = None
    # a new invoice gets a line more, without item, text and amount
    blank_default_line: bool = False
    # a changed quantity on a recurring line leaves a pro-rata row, which the next issue bills
    prorata_row_on_quantity_change: bool = False
    # the currency that a new invoice gets, whatever was sent and whatever the client has
    currency_forced_to: int | None = None
    # null fields are left out of answers; off: every field of the schema that is unset comes as null
    omit_nulls: bool = True
    # unset dates come as 1899, 1900 or 0001; off: they count as null
    sentinel_dates: bool = True
    # what the codes of an invoice are where nothing is set: paymentstatus of an unpaid one, emailstatus and the like
    unset_code: int = 0
    # midnight: a day comes as midnight UTC | local_midnight: as midnight in `time_zone`, written in UTC
    days: str = "midnight"
    time_zone: str = "America/Denver"
    # what stands behind every date
    date_suffix: str = ""
    # a single document in an array is answered by an object; off: by an array of one
    one_in_one_out: bool = True
    # the status of the answer to an update
    update_status: int = 201
    # documents carry change_seq; with check_change_seq an update with a stale one is refused with 400
    change_seq: bool = True
    check_change_seq: bool = False
    # posted, voided and synced invoices refuse updates and deletion with 400
    refuse_locked: bool = True
    # how long a token lasts, and after how many requests it stops working all the same
    token_seconds: int = 3600
    token_requests: int | None = None
    # "GET /api/Item", "POST /api/Invoice": refused for want of a permission, whatever the credentials may do
    permission_denied: tuple[str, ...] = ()
    permission_status: int = 401

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(
                    f"switch {name!r} cannot be {getattr(self, name)!r}; one of {', '.join(map(str, known))}"
                )
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"switch 'time_zone' cannot be {self.time_zone!r}: it is no time zone") from None
        for name in ("detail_only", "ignored_parameters", "permission_denied"):
            value = getattr(self, name)
            if isinstance(value, str) or not all(isinstance(entry, str) for entry in value):
                raise ValueError(f"switch {name!r} is a list of texts; got {value!r}")
            object.__setattr__(self, name, tuple(value))
