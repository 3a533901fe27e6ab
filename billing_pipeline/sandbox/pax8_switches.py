"""What can be switched on the sandbox's Pax8, where the real one differs from time to time or is unknown."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Pax8Switches:
    """Changed by `PUT /_sandbox/switches`, or with `dataclasses.replace` on the state."""

    omit_empty_content: bool = True  # a page without rows has no `content`, as seen on the wire; off: an empty list
    oversized_page: Literal["refuse", "cap"] = "refuse"  # size over 200: a 400, or 200 rows without a word
    item_count_offset: int = 0  # added to the totalElements of invoice items
    repeat_item_across_pages: bool = False  # a page of items begins with the last one of the page before
    credited_items: Literal["serve", "missing"] = "serve"  # the items of a Credited invoice; missing: a 404
    repeat_company: bool = False  # the list of companies begins with its last one
    undated_invoices: Literal["leave_out", "list"] = "leave_out"  # an invoice without a date, where dates are asked for
    token_seconds: int = 86_400  # how long a token lives, and what expires_in says
    token_requests: int | None = None  # a token is refused after so many requests; None: never

    def __post_init__(self) -> None:
        if self.oversized_page not in ("refuse", "cap"):
            raise ValueError(f"switch 'oversized_page' is refuse or cap, not {self.oversized_page!r}")
        if self.credited_items not in ("serve", "missing"):
            raise ValueError(f"switch 'credited_items' is serve or missing, not {self.credited_items!r}")
        if self.undated_invoices not in ("leave_out", "list"):
            raise ValueError(f"switch 'undated_invoices' is leave_out or list, not {self.undated_invoices!r}")
        if self.token_requests is not None and type(self.token_requests) is not int:
            raise ValueError(f"switch 'token_requests' is a whole number or null, not {self.token_requests!r}")
