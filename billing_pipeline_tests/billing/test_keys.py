"""Keys are the same for ever, and never the same for two things."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_pipeline.billing.client_keys import unmapped_client_key
from billing_pipeline.billing.keys import charge_key, document_key, is_ours
from billing_pipeline.billing.setting_types import CLIENT_KEY


def test_keys_do_not_change_from_version_to_version() -> None:
    # A charge whose key changes would be billed again.
    assert charge_key("pax8", "invoice-1", "line-1") == "bp-c-2261aa351b04a90baef3aa26caa2ed37"
    assert document_key("acme", "USD", "client", ["b", "a"]) == "bp-d-196fa4e992b34436acc683a8d0f356db"


@given(st.text(), st.text(), st.text(), st.text(), st.text(), st.text())
def test_two_lines_have_one_key_only_if_they_are_one(a: str, b: str, c: str, d: str, e: str, f: str) -> None:
    assert (charge_key(a, b, c) == charge_key(d, e, f)) == ((a, b, c) == (d, e, f))


def test_moving_a_letter_between_parts_makes_another_key() -> None:
    assert charge_key("pax8", "ab", "c") != charge_key("pax8", "a", "bc")


@given(st.lists(st.text(min_size=1), unique=True), st.randoms())
def test_a_document_key_does_not_depend_on_the_order_of_its_charges(keys: list[str], random: object) -> None:
    shuffled = list(keys)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert document_key("acme", "USD", "client", shuffled) == document_key("acme", "USD", "client", keys)


@pytest.mark.parametrize("change", [("birch", "USD", "client"), ("acme", "CAD", "client"), ("acme", "USD", "x")])
def test_a_document_key_tells_client_currency_and_group_apart(change: tuple[str, str, str]) -> None:
    assert document_key(*change, ["a"]) != document_key("acme", "USD", "client", ["a"])


@pytest.mark.parametrize("foreign", [None, 7, "", "PO 4711", "xbp-c-1", "BP-C-1"])
def test_what_others_wrote_is_not_ours(foreign: object) -> None:
    assert not is_ours(foreign)


def test_our_keys_are_ours_and_fit_a_halopsa_field() -> None:
    for key in (charge_key("pax8", "i", "l"), document_key("acme", "USD", "client", [])):
        assert is_ours(key)
        assert re.fullmatch(r"bp-[cd]-[0-9a-f]{32}", key)


@given(st.text())
def test_any_company_id_makes_a_harmless_client_key(company_id: str) -> None:
    assert CLIENT_KEY.fullmatch(unmapped_client_key(company_id))


def test_a_company_id_in_capitals_is_the_same_company() -> None:
    assert unmapped_client_key(" 11111111-AAAA ") == "pax8-11111111-aaaa"


@pytest.mark.parametrize("hostile", ["../../etc", "a|2026-10", "x'; drop table", "a" * 500, "", "ü"])
def test_a_hostile_company_id_is_hashed(hostile: str) -> None:
    assert re.fullmatch(r"pax8-[0-9a-f]{32}", unmapped_client_key(hostile))
