"""Both paginators against services that obey, cap, ignore and lie."""

from typing import Any

import pytest

from billing_pipeline.billing.errors import ServiceUnreachable, UnreadableAnswer
from billing_pipeline.resources.halopsa import FACTS as HALOPSA_FACTS
from billing_pipeline.resources.paging import HaloPages, Pax8Pages, list_in
from billing_pipeline_tests.resources.conftest import OpenService
from billing_pipeline_tests.resources.scripted_service import Answerer, Asked, Reply, Script, ScriptedService

LIST = "GET /v1/Invoice"


def rows(*ids: int) -> list[dict[str, Any]]:
    return [{"id": row_id} for row_id in ids]


def halo_list(ids: list[int], size: int | None = None, count: int | None = None, key: str = "invoices") -> Script:
    """HaloPSA with these rows, in pages of `size` or as asked for; `record_count` is `count` or the truth."""

    def script(asked: Asked) -> Reply:
        assert asked.query["pageinate"] == ["true"]
        assert asked.query["order"] == ["id"]
        length = size or int(asked.query["page_size"][0])
        start = (int(asked.query["page_no"][0]) - 1) * length
        page = rows(*sorted(ids)[start : start + length])
        return Reply(body={"record_count": len(ids) if count is None else count, key: page})

    return script


def read_halo(open_service: OpenService, size: int = 3) -> list[int]:
    pages = HaloPages(open_service(HALOPSA_FACTS), size=size)
    return [row["id"] for row in pages.read("/Invoice", "invoices", {"includelines": "true"})]


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 6, 7, 20])
def test_halo_pages_are_read_until_one_brings_nothing_new(
    service: ScriptedService, open_service: OpenService, number: int
) -> None:
    service.reply(LIST, halo_list(list(range(1, number + 1))))
    assert read_halo(open_service) == list(range(1, number + 1))
    assert service.calls(LIST)[0].query["page_no"] == ["1"]
    assert len(service.calls(LIST)) == -(-number // 3) + 1


@pytest.mark.parametrize(
    "script",
    [
        halo_list(list(range(1, 8)), size=2),
        halo_list(list(range(1, 8)), size=100),
        halo_list(list(range(1, 8)), count=3),
        halo_list(list(range(1, 8)), count=700),
        halo_list(list(range(1, 8)), count=0),
        halo_list(list(range(1, 8)), key="results"),
        Reply(body=rows(7, 6, 5, 4, 3, 2, 1)),
        Reply(body={"record_count": 7, "columns": [], "invoices": rows(1, 2, 3, 4, 5, 6, 7)}),
    ],
    ids=["capped", "larger", "count low", "count high", "count zero", "other key", "array", "paging ignored"],
)
def test_halo_lists_are_complete_whatever_the_tenant_does(
    service: ScriptedService, open_service: OpenService, script: Script
) -> None:
    service.reply(LIST, script)
    assert read_halo(open_service) == [1, 2, 3, 4, 5, 6, 7]


def test_a_count_that_two_reads_of_the_same_rows_deny_is_not_believed(
    service: ScriptedService, open_service: OpenService
) -> None:
    pages = HaloPages(open_service(HALOPSA_FACTS), size=3)
    service.reply(LIST, halo_list([1, 2, 3, 4], count=7))

    assert pages.read("/Invoice", "invoices").gap is None
    ways = [(one.query["orderdesc"], one.query["page_size"]) for one in service.calls(LIST)]
    assert ways == [(["false"], ["3"])] * 3 + [(["true"], ["2"])] * 3


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("number", range(1, 12))
def test_a_page_that_never_comes_is_found_by_reading_the_other_way_round(
    service: ScriptedService, open_service: OpenService, number: int, size: int
) -> None:
    def second_page_never(asked: Asked) -> Reply:
        ids = sorted(range(1, number + 1), reverse=asked.query["orderdesc"] == ["true"])
        length = min(int(asked.query["page_size"][0]), size)
        shown = int(asked.query["page_no"][0])
        start = (shown if shown > 1 else 0) * length
        return Reply(body={"record_count": number, "invoices": rows(*ids[start : start + length])})

    service.reply(LIST, second_page_never)

    assert read_halo(open_service, 100) == list(range(1, number + 1))


def test_a_list_that_brings_other_rows_each_time_says_so(service: ScriptedService, open_service: OpenService) -> None:
    answers = [Reply(body={"record_count": 9, "invoices": found}) for one in (1, 2, 3, 4) for found in (rows(one), [])]
    service.reply(LIST, *answers)

    found = HaloPages(open_service(HALOPSA_FACTS)).read("/Invoice", "invoices")

    assert [row["id"] for row in found] == [1, 2, 3, 4]
    assert found.gap == "GET /Invoice gave 4 rows of 9, and others with each of 4 reads"


def test_halo_ids_that_are_negative_are_sorted_like_any(service: ScriptedService, open_service: OpenService) -> None:
    service.reply(LIST, Reply(body=rows(-1, -3, -2)))
    assert read_halo(open_service) == [-3, -2, -1]


def test_a_row_that_moved_out_of_sight_between_two_pages_is_found_again(
    service: ScriptedService, open_service: OpenService
) -> None:
    before, after = halo_list([1, 2, 3, 4, 5, 6, 7]), halo_list([2, 3, 4, 5, 6, 7])
    service.reply(LIST, before, after)  # 1 is deleted after the first page, so 4 moves onto it
    assert read_halo(open_service) == [1, 2, 3, 4, 5, 6, 7]


def test_a_page_that_comes_twice_is_no_end_while_rows_are_missing(
    service: ScriptedService, open_service: OpenService
) -> None:
    def first_page_twice(asked: Asked) -> Reply:
        number = max(1, int(asked.query["page_no"][0]) - 1)
        return Reply(body={"record_count": 7, "invoices": rows(1, 2, 3, 4, 5, 6, 7)[3 * number - 3 : 3 * number]})

    service.reply(LIST, first_page_twice)
    assert read_halo(open_service) == [1, 2, 3, 4, 5, 6, 7]


def test_a_list_without_end_is_given_up(service: ScriptedService, open_service: OpenService) -> None:
    service.reply(LIST, lambda asked: Reply(body=rows(int(asked.query["page_no"][0]))))
    pages = HaloPages(open_service(HALOPSA_FACTS), size=1, most_pages=5)
    with pytest.raises(UnreadableAnswer, match="after 5 pages"):
        pages.read("/Invoice", "invoices")


@pytest.mark.parametrize(
    ("data", "ids"),
    [
        ({"record_count": 1, "invoices": [{"id": 1}], "columns": [{"id": 9}]}, [1]),
        ({"columns": ["a"], "things": [{"id": 1}]}, [1]),
        ({"record_count": 0}, []),
        ({"record_count": 0, "things": []}, []),
        ([], []),
    ],
)
def test_the_rows_of_a_halo_answer_are_found(data: Any, ids: list[int]) -> None:
    assert [row["id"] for row in list_in("/Invoice", "invoices", data)] == ids


@pytest.mark.parametrize(
    "data", [{}, {"error": "no"}, {"record_count": 4}, "text", None, 5, [1, 2], {"invoices": ["a"]}]
)
def test_what_is_no_list_is_never_taken_for_an_empty_one(data: Any) -> None:
    with pytest.raises(UnreadableAnswer, match=r"GET /Invoice is not a list of objects"):
        list_in("/Invoice", "invoices", data)


@pytest.mark.parametrize("row", [{}, {"id": None}, {"id": "7"}, {"id": True}, {"id": 7.5}])
def test_a_halo_row_without_an_id_is_refused(
    service: ScriptedService, open_service: OpenService, row: dict[str, Any]
) -> None:
    service.reply(LIST, Reply(body=[row]))
    with pytest.raises(UnreadableAnswer, match="no id that is a whole number"):
        read_halo(open_service)


def pax8_list(number: int, **page: Any) -> Answerer:
    def script(asked: Asked) -> Reply:
        size, at = int(asked.query["size"][0]), int(asked.query["page"][0])
        content = [{"id": str(n)} for n in range(number)][at * size : (at + 1) * size]
        truth = {"size": size, "totalElements": number, "totalPages": -(-number // size), "number": at}
        return Reply(body={**({"content": content} if content else {}), "page": {**truth, **page}})

    return script


@pytest.mark.parametrize(("number", "requests"), [(0, 1), (1, 1), (5, 1), (6, 2), (23, 5), (25, 5)])
def test_pax8_pages_come_in_order_and_no_page_more_than_needed(
    service: ScriptedService, open_service: OpenService, number: int, requests: int
) -> None:
    service.reply("GET /v1/companies", pax8_list(number))
    read = Pax8Pages(open_service(), size=5).read("/companies", {"status": "Active"})
    assert [row["id"] for row in read.rows] == [str(n) for n in range(number)]
    assert read.gap() is None
    asked = service.calls("GET /v1/companies")
    assert sorted(int(call.query["page"][0]) for call in asked) == list(range(requests))
    assert all(call.query["status"] == ["Active"] and call.query["size"] == ["5"] for call in asked)
    assert len(read.pages) == requests


def test_pax8_pages_that_totalpages_forgets_are_read(service: ScriptedService, open_service: OpenService) -> None:
    service.reply("GET /v1/companies", pax8_list(12, totalPages=1))
    assert len(Pax8Pages(open_service(), size=5).read("/companies").rows) == 12


def test_one_page_that_fails_fails_the_list_and_stops_the_rest(
    service: ScriptedService, open_service: OpenService
) -> None:
    listing = pax8_list(500)

    def script(asked: Asked) -> Reply:
        return listing(asked) if asked.query["page"] == ["0"] else Reply(503, "down")

    service.reply("GET /v1/companies", script)
    with pytest.raises(ServiceUnreachable):
        Pax8Pages(open_service(), size=5).read("/companies")
    assert len(service.calls("GET /v1/companies")) < 60


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"content": []},
        {"page": {}},
        {"page": 5},
        {"page": {"size": 0, "totalElements": 1, "totalPages": 1}},
        {"page": {"size": 200, "totalElements": -1, "totalPages": 1}},
        {"page": {"size": 200, "totalElements": 3, "totalPages": 10**9}},
        {"content": "x", "page": {"size": 200, "totalElements": 1, "totalPages": 1}},
        {"content": [5], "page": {"size": 200, "totalElements": 1, "totalPages": 1}},
    ],
)
def test_another_shape_is_no_pax8_list(service: ScriptedService, open_service: OpenService, body: object) -> None:
    service.reply("GET /v1/companies", Reply(body=body))
    with pytest.raises(UnreadableAnswer):
        Pax8Pages(open_service()).read("/companies")
