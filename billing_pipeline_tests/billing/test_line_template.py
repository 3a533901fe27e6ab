"""Templates of line texts: what is refused, what vanishes."""

import pytest

from billing_pipeline.billing.line_template import PLACEHOLDERS, read_template
from billing_pipeline.billing.line_text import describe_line
from billing_pipeline.billing.settings import LineText
from billing_pipeline_tests.billing.charges import charge


def fill(template: str, **values: str) -> list[str]:
    return read_template(template).fill(lambda name: values.get(name, ""))


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{prodct}", "{prodct} is no placeholder; the nearest known one is {product}"),
        ("{purchase order}", "the nearest known one is {purchase_order}"),
        ("{Product}", "{Product} is no placeholder; the nearest known one is {product}"),
        ("{zzz}", "{zzz} is no placeholder; known are: title, product, description"),
        ("{}", "{} is no placeholder; known are"),
        ("{product", "a brace is not closed"),
        ("product}", "a brace is not closed"),
        ("[{product}", "a bracket is not closed"),
        ("{product}]", "a bracket is not closed"),
        ("[{product} [{sku}]]", "a bracket is not closed or stands in another"),
        ("{product} [new]", "[new] holds no placeholder, so nothing says when it vanishes"),
    ],
)
def test_a_template_that_cannot_be_meant_is_refused_with_what_is_wrong(template: str, said: str) -> None:
    with pytest.raises(ValueError) as error:
        read_template(template)
    assert said in str(error.value)


def test_a_line_vanishes_when_all_its_placeholders_are_empty() -> None:
    assert fill("{product}\n{period}\nOrder {purchase_order}", period="October") == ["October"]
    assert fill("{product} for {period}", product="Premium") == ["Premium for"]


def test_a_part_in_brackets_vanishes_when_one_of_its_placeholders_is_empty() -> None:
    template = "{product}[ ({sku})][, {quantity} × {unit_price}]"
    assert fill(template, product="Premium", sku="P1", quantity="2") == ["Premium (P1)"]
    assert fill(template, product="Premium", quantity="2", unit_price="1.00 USD") == ["Premium, 2 × 1.00 USD"]


def test_words_without_a_placeholder_stay() -> None:
    assert fill("Thank you\n\n{product}") == ["Thank you"]


def test_brackets_and_braces_in_a_value_are_nothing_special() -> None:
    assert fill("{product}", product="Exchange [Preview] {x}") == ["Exchange [Preview] {x}"]


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_every_placeholder_can_be_used_on_any_charge(name: str) -> None:
    texts = LineText(short="{title}", long=f"say {{{name}}}")
    for row_kind in ("line", "collapsed"):
        said = describe_line(charge(row_kind=row_kind, price=None, period_start=None), texts, true_quantity=False)
        assert said.long in ("", *said.long.splitlines())
        assert said.short
