"""The two ways in which the services page their lists, as two small objects."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from billing_pipeline.billing.errors import UnreadableAnswer
from billing_pipeline.billing.source_ids import own_id
from billing_pipeline.resources.http import Answer, HttpService, Query

logger = logging.getLogger(__name__)

Row = dict[str, Any]


@dataclass(frozen=True)
class PagedRows:
    """One read of a Pax8 list: its rows in Pax8's order, the count that Pax8 named on each page, and the
    text of each page to the byte."""

    rows: tuple[Row, ...]
    counts: tuple[int, ...]
    pages: tuple[str, ...]

    def gap(self) -> str | None:
        """Why these rows do not prove complete, or None if they do. Rows without an id cannot come twice."""
        if len(set(self.counts)) > 1:
            return f"totalElements changed from page to page ({sorted(set(self.counts))})"
        if len(self.rows) != self.counts[0]:
            return f"{len(self.rows)} rows came, totalElements says {self.counts[0]}"
        ids = Counter(row_id for row in self.rows if (row_id := own_id(row.get("id"))) is not None)
        twice = sorted(row_id for row_id, times in ids.items() if times > 1)
        return f"these ids came twice: {', '.join(twice[:5])}" if twice else None


class Pax8Pages:
    """Reads a Pax8 list: `page` from 0, `size` 200 (its maximum), the pages after the first at the same time.

    An empty list has no `content`. Source: Pax8's API reference, and what the service sends.
    """

    def __init__(self, service: HttpService, size: int = 200, workers: int = 4) -> None:
        self._service = service
        self._size = size
        self._workers = workers

    def read(self, path: str, query: Query | None = None) -> PagedRows:
        """All pages as they are now; whether they fit together, `PagedRows.gap` says.

        Raises ServiceError or one of its kinds; UnreadableAnswer on another shape.
        """
        first = self._fetch(path, query, 0)
        count, page_count = self._extent(path, first)
        answers = [first]
        if page_count > 1:
            pool = ThreadPoolExecutor(self._workers, thread_name_prefix="pax8-page")
            try:
                answers += pool.map(lambda number: self._fetch(path, query, number), range(1, page_count))
            finally:
                # After one failure the pages still waiting are not asked for.
                pool.shutdown(cancel_futures=True)
        return PagedRows(
            rows=tuple(row for answer in answers for row in self._rows(path, answer)),
            counts=(count, *(self._extent(path, answer)[0] for answer in answers[1:])),
            pages=tuple(answer.text for answer in answers),
        )

    def _fetch(self, path: str, query: Query | None, number: int) -> Answer:
        return self._service.get(path, {**(query or {}), "page": number, "size": self._size})

    def _extent(self, path: str, answer: Answer) -> tuple[int, int]:
        page = answer.data.get("page") if isinstance(answer.data, dict) else None
        match page:
            case {"totalElements": int(count), "totalPages": int(pages), "size": int(size)} if (
                count >= 0 and 0 <= pages <= count + 1 and size > 0
            ):
                # A wrong totalElements shows later, when rows and count differ; a wrong totalPages would not.
                return count, max(pages, -(-count // size))
        raise UnreadableAnswer(
            f"Pax8: the answer to GET {path} has no page {{size, totalElements, totalPages}}: "
            f"it is not the list that Pax8 documents. Check the address in PAX8_BASE_URL."
        )

    def _rows(self, path: str, answer: Answer) -> list[Row]:
        rows = answer.data.get("content") or []
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise UnreadableAnswer(f"Pax8: `content` in the answer to GET {path} is not a list of objects.")
        return rows


class HaloRows(list[Row]):
    """The rows of a HaloPSA list. `gap` is why they do not prove complete, None if they do.

    With a gap, what is not among them may be there all the same. `is_filtered` says that HaloPSA was asked for some of
    its rows only: then what proves them complete is a row that must be among them, and was.
    """

    def __init__(self, rows: Iterable[Row] = (), gap: str | None = None, *, is_filtered: bool = False) -> None:
        super().__init__(rows)
        self.gap = gap
        self.is_filtered = is_filtered


class HaloPages:
    """Reads a HaloPSA list by `page_no` from 1, ordered by id, until a page brings no new id.

    Page sizes may be capped, paging may be ignored, `record_count` may be anything: only ids are believed, and the
    count is a hint to look again.
    """

    def __init__(self, service: HttpService, size: int = 100, most_pages: int = 5000, most_reads: int = 4) -> None:
        self._service = service
        self._size = size
        self._most_pages = most_pages
        self._most_reads = most_reads

    def read(self, path: str, key: str, query: Query | None = None) -> HaloRows:
        """All rows, each once, sorted by id. `key` is where the rows are, unless the answer is an array.

        Where fewer rows came than `record_count` says, the list is read again the other way round and with other page
        borders, and the reads are joined: a row deleted between two pages moves the rows behind it, one of them out of
        sight, and a page that never comes hides other rows then. A read that brings nothing new shows that the count
        is wrong, and not the rows; where none does, `HaloRows.gap` says so.
        Raises ServiceError or one of its kinds; UnreadableAnswer on another shape.
        """
        rows: dict[int, Row] = {}
        promised, size, gap = 0, self._size, None
        for turn in range(self._most_reads):
            before = len(rows)
            count, size = self._read_into(rows, path, key, query, size, downwards=turn % 2 == 1)
            promised = max(promised, count)
            if promised <= len(rows):
                break
            if turn and len(rows) == before:
                logger.warning("HaloPSA: %s has %d rows, and counts %d", path, len(rows), promised)
                break
            logger.warning("HaloPSA: %s gave %d rows of %d, reading again", path, len(rows), promised)
        else:
            gap = f"GET {path} gave {len(rows)} rows of {promised}, and others with each of {self._most_reads} reads"
        return HaloRows((rows[row_id] for row_id in sorted(rows)), gap)

    def newest(self, path: str, key: str, query: Query | None = None) -> list[Row]:
        """One page without any filter, the highest ids first where HaloPSA orders as it is told."""
        paging = self._paging(1, self._size, downwards=True)
        data = self._service.get(path, {**(query or {}), **paging}).data
        return [row for _, row in _with_ids(path, list_in(path, key, data))]

    def _read_into(
        self, rows: dict[int, Row], path: str, key: str, query: Query | None, size: int, *, downwards: bool
    ) -> tuple[int, int]:
        """Add the rows of all pages; the highest count that came with them, and a page size with other borders."""
        seen: set[int] = set()
        promised, largest, stale = 0, 0, False
        for number in range(1, self._most_pages + 1):
            paging = self._paging(number, size, downwards=downwards)
            data = self._service.get(path, {**(query or {}), **paging}).data
            page = dict(_with_ids(path, list_in(path, key, data)))
            rows.update(page)
            if isinstance(data, dict) and isinstance(data.get("record_count"), int):
                promised = max(promised, data["record_count"])
            brought_nothing = not page.keys() - seen
            # A page that comes twice is no end, while rows are missing.
            if brought_nothing and (not page or stale or promised <= len(seen)):
                return promised, size if largest == len(seen) else max(largest - 1, 1)
            stale = brought_nothing
            seen |= page.keys()
            largest = max(largest, len(page))
        raise UnreadableAnswer(
            f"HaloPSA: GET {path} still brought new ids after {self._most_pages} pages. "
            f"Ask HaloPSA's support why the list does not end."
        )

    def _paging(self, number: int, size: int, *, downwards: bool) -> dict[str, str | int]:
        return {
            "pageinate": "true",
            "page_no": number,
            "page_size": size,
            "order": "id",
            "orderdesc": "true" if downwards else "false",
        }


def list_in(path: str, key: str, data: Any) -> list[Row]:
    """The rows of a HaloPSA answer: an array, the known key, or the first list of objects.

    An answer without any list is an empty list only if it says so; raises UnreadableAnswer otherwise.
    """
    if isinstance(data, dict):
        lists = [value for value in data.values() if isinstance(value, list)]
        if isinstance(data.get(key), list):
            data = data[key]
        elif lists:
            data = next((rows for rows in lists if rows and isinstance(rows[0], dict)), [])
        elif data.get("record_count") == 0:
            data = []
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise UnreadableAnswer(
            f"HaloPSA: the answer to GET {path} is not a list of objects. Check the address in HALOPSA_RESOURCE_SERVER."
        )
    return data


def _with_ids(path: str, rows: list[Row]) -> Iterator[tuple[int, Row]]:
    for row in rows:
        row_id = row.get("id")
        if not isinstance(row_id, int) or isinstance(row_id, bool):
            raise UnreadableAnswer(f"HaloPSA: a row of GET {path} has no id that is a whole number.")
        yield row_id, row
