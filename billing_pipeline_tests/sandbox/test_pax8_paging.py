"""How the sandbox's Pax8 pages its lists."""

from typing import Any

import httpx
import pytest

from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline_tests.sandbox.asking import put
from billing_pipeline_tests.sandbox.small_world import NOVEMBER, OCTOBER, make_invoice, make_item

LISTS = ["/v1/companies", "/v1/products", "/v1/subscriptions", "/v1/invoices", "/v1/invoices/draftItems"]
ITEMS = f"/v1/invoices/{OCTOBER}/items"


def fill(sandbox: Sandbox, count: int) -> None:
    """Give October's invoice `count` lines."""
    content = sandbox.pax8.dump()
    content["invoices"][0]["items"] = [make_item(number) for number in range(count)]
    sandbox.pax8.load(content)


def read_pages(pax8: httpx.Client, path: str, size: int) -> list[dict[str, Any]]:
    """Every page of a list, as the page object tells how many there are."""
    pages = [pax8.get(path, params={"size": size}).raise_for_status().json()]
    for number in range(1, pages[0]["page"]["totalPages"]):
        pages.append(pax8.get(path, params={"size": size, "page": number}).raise_for_status().json())
    return pages


def test_without_page_and_size_the_first_ten_rows_come(sandbox: Sandbox, pax8: httpx.Client) -> None:
    fill(sandbox, 25)
    answer = pax8.get(ITEMS).json()
    assert [item["id"] for item in answer["content"]] == [make_item(number)["id"] for number in range(10)]
    assert answer["page"] == {"size": 10, "totalElements": 25, "totalPages": 3, "number": 0}


def test_pages_count_from_zero_and_the_last_one_is_short(sandbox: Sandbox, pax8: httpx.Client) -> None:
    fill(sandbox, 25)
    answer = pax8.get(ITEMS, params={"page": 2}).json()
    assert [item["id"] for item in answer["content"]] == [make_item(number)["id"] for number in range(20, 25)]
    assert answer["page"]["number"] == 2


@pytest.mark.parametrize(("count", "pages"), [(1, 1), (199, 1), (200, 1), (201, 2), (5000, 25)])
def test_all_rows_come_once_in_pages_of_200(sandbox: Sandbox, pax8: httpx.Client, count: int, pages: int) -> None:
    fill(sandbox, count)
    answers = read_pages(pax8, ITEMS, 200)
    assert len(answers) == pages
    ids = [item["id"] for answer in answers for item in answer["content"]]
    assert ids == [make_item(number)["id"] for number in range(count)]


def test_an_empty_list_has_no_content_and_no_pages(sandbox: Sandbox, pax8: httpx.Client) -> None:
    fill(sandbox, 0)
    assert pax8.get(ITEMS).json() == {"page": {"size": 10, "totalElements": 0, "totalPages": 0, "number": 0}}


def test_a_page_past_the_end_has_no_content(pax8: httpx.Client) -> None:
    answer = pax8.get("/v1/companies", params={"page": 7}).json()
    assert answer == {"page": {"size": 10, "totalElements": 2, "totalPages": 1, "number": 7}}


def test_an_empty_content_can_be_switched_on(sandbox: Sandbox, pax8: httpx.Client) -> None:
    put(sandbox.pax8_url, "switches", {"omit_empty_content": False})
    assert pax8.get("/v1/companies", params={"page": 7}).json()["content"] == []


@pytest.mark.parametrize("path", [*LISTS, ITEMS])
@pytest.mark.parametrize(
    "query",
    [
        {"size": "201"},
        {"size": "0"},
        {"size": "-1"},
        {"size": "x"},
        {"page": "-1"},
        {"page": "1.5"},
        {"page": ""},
    ],
    ids=str,
)
def test_a_page_or_size_out_of_range_is_refused(pax8: httpx.Client, path: str, query: dict[str, str]) -> None:
    answer = pax8.get(path, params=query)
    assert answer.status_code == 400
    assert answer.json()["status"] == 400


def test_a_size_over_200_can_be_capped_without_a_word(sandbox: Sandbox, pax8: httpx.Client) -> None:
    fill(sandbox, 300)
    put(sandbox.pax8_url, "switches", {"oversized_page": "cap"})
    answer = pax8.get(ITEMS, params={"size": 1000}).json()
    assert len(answer["content"]) == 200
    assert answer["page"] == {"size": 200, "totalElements": 300, "totalPages": 2, "number": 0}


def test_the_count_of_items_can_be_wrong(sandbox: Sandbox, pax8: httpx.Client) -> None:
    put(sandbox.pax8_url, "switches", {"item_count_offset": 1})
    answer = pax8.get(ITEMS).json()
    assert (len(answer["content"]), answer["page"]["totalElements"]) == (2, 3)


def test_an_item_can_come_on_two_pages(sandbox: Sandbox, pax8: httpx.Client) -> None:
    fill(sandbox, 6)
    put(sandbox.pax8_url, "switches", {"repeat_item_across_pages": True})
    ids = [item["id"][-1] for page in read_pages(pax8, ITEMS, 3) for item in page["content"]]
    assert ids == ["0", "1", "2", "2", "4", "5"]


def test_items_know_no_filter_and_no_sort(pax8: httpx.Client) -> None:
    plain = pax8.get(ITEMS).json()
    assert pax8.get(ITEMS, params={"sort": "total,desc", "companyId": "x"}).json() == plain


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("invoiceDate", [OCTOBER, NOVEMBER]),
        ("invoiceDate,asc", [OCTOBER, NOVEMBER]),
        ("invoiceDate,desc", [NOVEMBER, OCTOBER]),
        ("total,desc", [NOVEMBER, OCTOBER]),
        ("status", [NOVEMBER, OCTOBER]),
    ],
)
def test_invoices_are_sorted_by_a_field(sandbox: Sandbox, pax8: httpx.Client, sort: str, expected: list[str]) -> None:
    content = sandbox.pax8.dump()
    content["invoices"] = [
        {"invoice": make_invoice(OCTOBER, "2026-10-01", status="Unpaid", total=9), "items": []},
        {"invoice": make_invoice(NOVEMBER, "2026-11-01", status="Paid", total=10), "items": []},
    ]
    sandbox.pax8.load(content)
    answer = pax8.get("/v1/invoices", params={"sort": sort}).json()
    assert [invoice["id"] for invoice in answer["content"]] == expected


@pytest.mark.parametrize("sort", ["nonsense", "invoiceDate,up", "invoiceDate,", ""])
def test_an_unknown_sort_is_refused(pax8: httpx.Client, sort: str) -> None:
    assert pax8.get("/v1/invoices", params={"sort": sort}).status_code == 400
