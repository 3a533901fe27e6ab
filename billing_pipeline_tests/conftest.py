"""What holds for every test."""

from collections.abc import Iterator

import pytest

from billing_pipeline.resources.oauth import forget_tokens

# The files whose single tests take longest, with processes of their own. The rest is what evens out two workers.
LONGEST_FIRST = (
    "torture/test_schedules.py",
    "torture/test_invariants.py",
    "cli/test_demo.py",
    "cli/test_close.py",
    "properties/",
    "scenarios/test_many_clients.py",
    "scenarios/test_killed.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker is left alone with it at the end of the run."""

    def rank(item: pytest.Item) -> int:
        path = item.nodeid.partition("::")[0].partition("/")[2]
        return next((place for place, name in enumerate(LONGEST_FIRST) if path.startswith(name)), len(LONGEST_FIRST))

    items.sort(key=rank)


@pytest.fixture(autouse=True)
def tokens_of_this_test() -> Iterator[None]:
    """Tokens are kept for a process, and each test stands for one: what it counts starts with a token."""
    forget_tokens()
    yield
    forget_tokens()
