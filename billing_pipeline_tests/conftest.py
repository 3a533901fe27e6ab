"""What holds for every test."""

from collections.abc import Iterator

import pytest

from billing_pipeline.resources.oauth import forget_tokens


@pytest.fixture(autouse=True)
def tokens_of_this_test() -> Iterator[None]:
    """Tokens are kept for a process, and each test stands for one: what it counts starts with a token."""
    forget_tokens()
    yield
    forget_tokens()
