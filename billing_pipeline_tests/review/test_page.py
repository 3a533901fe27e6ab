"""The page of a review: everything on it, nothing from elsewhere, and no text from outside that does anything."""

import re
from base64 import b64encode
from hashlib import sha256

import pytest

from billing_pipeline.commands.review_page.render import render_page
from billing_pipeline.settings.load import load_settings
from billing_pipeline.steps.month_review import review_month
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import ACME, BIRCH, OCTOBER, bill, invoice, licence, make_world, numbered
from billing_pipeline_tests.review.conftest import NewProvider
from billing_pipeline_tests.review.pages import Element, read_page
from billing_pipeline_tests.review.reading import read_review

HOSTILE = [
    "<script>alert(1)</script>",
    "</script></style></td></table><img src=x onerror=alert(1)>",
    '"><a href=\'javascript:alert(1)\' onmouseover="alert(1)">',
    "{{ 7 * 7 }}{% raw %}&amp;<!--",
    "=cmd|'/C calc'!A0",
    "\u202eright to left\u202c \u05e9\u05dc\u05d5\u05dd \U0001f9fe",
    "W" * 600,
]
NEVER = {"script", "iframe", "img", "link", "object", "embed", "base", "video", "audio", "source", "picture"}


def page_of(provider: Provider, month: str = OCTOBER) -> tuple[str, Element]:
    page = render_page(read_review(provider, month))
    return page, read_page(page)


@pytest.fixture(scope="module")
def hostile(new_provider: NewProvider) -> Provider:
    """A provider whose clients, products, lines of others and unmapped companies have hostile names."""
    provider = new_provider()
    lines = [
        licence(f"line{number}", ACME, "10.00", productName=text, description=text, companyName=text)
        for number, text in enumerate(HOSTILE)
    ]
    lines += [
        licence(f"lost{number}", numbered(80 + number), "1.00", productName=text, companyName=text)
        for number, text in enumerate(HOSTILE)
    ]
    lines.append(licence("late", BIRCH, "5.00", term=HOSTILE[0], productName=HOSTILE[1]))
    draft = invoice(510)
    draft["lines"] = [
        {**draft["lines"][0], "id": 900 + number, "item_shortdescription": text} for number, text in enumerate(HOSTILE)
    ]
    provider.set_up(
        make_world([ACME, BIRCH], [bill(OCTOBER, *lines)], invoices=[draft]), [ACME, BIRCH], {"target": "latest"}
    )
    rows = (provider.folder / "config" / "clients.csv").read_text().replace(",client-1,", f',"{HOSTILE[0]}",')
    (provider.folder / "config" / "clients.csv").write_text(rows)
    provider.prepare()
    return provider


def test_hostile_texts_are_shown_and_do_nothing(hostile: Provider) -> None:
    page, root = page_of(hostile)
    names = {one.name for one in root.all("body")[0].everything()}
    assert names & NEVER == {"script"}
    assert len(root.all("script")) == 2, "the page's own"
    for text in HOSTILE:
        shown = [one for one in root.all("bdi") if " ".join(one.text.split()) == " ".join(text.split())]
        assert len(shown) >= 3, "product, line of others, company"
    assert any(one.text == HOSTILE[0] for row in root.of_class("client") for one in row.all("bdi")), "the client's name"
    assert "49" not in " ".join(one.text for one in root.all("bdi") if "7 * 7" in one.text)
    for one in root.everything():
        for name, value in one.attributes.items():
            assert not name.startswith("on"), (one.name, name)
            assert "alert" not in (value or ""), (one.name, name)
    scripts = [one.text for one in root.all("script")]
    assert not any(text in script for script in scripts for text in HOSTILE)
    assert "<script>alert" not in page


def test_the_page_needs_nothing_but_itself(hostile: Provider) -> None:
    page, root = page_of(hostile)
    for one in root.everything():
        for name in ("src", "href", "action", "data", "poster", "srcset", "background", "formaction", "xlink:href"):
            value = one.attributes.get(name)
            assert value is None or value.startswith("#"), (one.name, name, value)
        assert "style" not in one.attributes, "the policy forbids it"
    style, scripts = root.all("style")[0].text, [one.text for one in root.all("script")]
    assert "url(" not in style
    assert "@import" not in style
    assert not re.search(r"https?:|//[a-z]", style)
    assert not re.search(r"https?:|fetch|XMLHttp|import\s*\(|WebSocket|sendBeacon|innerHTML|eval", " ".join(scripts))
    (policy,) = [one for one in root.all("meta") if one.attributes.get("http-equiv") == "Content-Security-Policy"]
    allowed = policy.attributes["content"] or ""
    assert allowed.startswith("default-src 'none'; ")
    assert "unsafe" not in allowed
    for text in (style, *scripts):
        assert b64encode(sha256(text.encode()).digest()).decode() in allowed
    assert page.index("Content-Security-Policy") < page.index("<script>")


def test_tables_have_heads_and_names_and_buttons_lead_somewhere(hostile: Provider) -> None:
    _, root = page_of(hostile)
    ids = [one.attributes["id"] for one in root.everything() if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    for table in root.all("table"):
        assert len(table.all("caption")) >= 1
        assert all(one.attributes.get("scope") in ("col", "row") for one in table.all("th"))
    toggles = root.of_class("toggle")
    assert toggles
    for toggle in toggles:
        assert toggle.name == "button"
        assert toggle.attributes["aria-expanded"] == "false"
        assert toggle.attributes["aria-controls"] in ids
    for section in root.all("section"):
        assert section.attributes.get("aria-labelledby", ids[0]) in ids
    assert {one.attributes["aria-hidden"] for one in root.all("svg")} == {"true"}, "their figures stand beside them"
    (table,) = [one for one in root.all("table") if one.attributes.get("id") == "clients"]
    heads = table.all("thead")[0].all("th")
    assert all(one.attributes["aria-sort"] == "none" and one.all("button") for one in heads)
    for row in table.of_class("client"):
        assert len(row.inside) == len(heads)


def test_money_without_a_client_comes_first_then_holds_then_the_clients(hostile: Provider) -> None:
    _, root = page_of(hostile)
    titles = [one.text for one in root.all("h2")]
    assert titles == [
        "Money without a client",
        "The month",
        "The month beside earlier ones",
        "Held, and not billed until it is settled",
        "Where each cent went",
        "Client by client",
    ]
    text = " ".join(root.text.split())
    assert "invoice 2026-10-invoice-1, line 15" in text
    assert "--class CLASS --by NAME --why TEXT" in text
    assert (
        "Add its row to clients.csv, or correct it (billing-pipeline clients propose suggests rows), then run" in text
    )


def test_documents_show_before_and_after_and_the_lines_behind(provider: Provider) -> None:
    azure = {"term": "Arrears", "sku": "MST-AZR-1", "productId": "p-az", "productName": "Azure", "description": "Azure"}
    lines = [licence("mail", ACME, "10.00", quantity=4)]
    lines += [licence(f"azure{number}", ACME, "1.005", "1.00", **azure) for number in range(3)]
    world = make_world([ACME], [bill(OCTOBER, *lines)], invoices=[invoice(510)])
    provider.set_up(world, [ACME], {"target": "latest"}, settings={"modifiers": {"collapse_azure": True}})
    provider.prepare()
    _, root = page_of(provider)
    (document,) = root.of_class("document")
    text = " ".join(document.text.split())
    assert "Invoice 510 changes to post" in text
    assert "2 lines added" in text
    assert "Total before tax 100.00 USD → 113.02 USD" in text
    assert "charges of Pax8 invoice 2026-10-invoice-1" in text
    rows = [[" ".join(cell.text.split()) for cell in row.all("td")] for row in document.of_class("line")]
    assert rows[0][0] == "added"
    assert rows[0][3:5] == ["–", "4 × 2.50 = 10.00 USD"]
    assert rows[0][5] == "line 1"
    assert rows[2][0] == "stays not ours"
    assert rows[2][3:5] == ["2 × 50.00 = 100.00 USD", "the same"]
    (behind,) = document.all("details")
    assert "3 lines" in behind.text
    assert behind.text.count("1.005 USD") == 3
    (entry,) = root.of_class("client")
    assert [one.text for one in entry.all("td")] == ["to post", "", "13.02 USD", "", "", "2", "", "", "4", "13.00 USD"]


def test_figures_of_both_charts_stand_beside_them_and_add_up(provider: Provider) -> None:
    bills = [
        bill("2026-08", licence("mail", ACME, "100.00")),
        bill(
            OCTOBER,
            licence("mail", ACME, "-50.25", "-1.00"),
            licence("voice", ACME, "150.00"),
            licence("x", BIRCH, "7.00"),
        ),
    ]
    provider.set_up(make_world([ACME], bills), [ACME], {"target": "new"}, start_month="2026-08")
    provider.close("2026-08")
    provider.prepare(OCTOBER)
    review = read_review(provider)
    assert [(one.month, one.posted_sell, one.open_sell) for one in review.history] == [
        ("2026-08", 100, 0),
        ("2026-10", 0, review.summary.totals[0].open_sell),
    ]
    _, root = page_of(provider)
    months, *_ = root.all("figure")
    rows = [" ".join(row.text.split()) for row in months.all("tbody")[0].all("tr")]
    assert rows == [
        "2026-08100.00 USD0.00 USD100.00 USD",
        "2026-09nothing",
        "2026-100.00 USD99.75 USD99.75 USD",
    ]
    assert [one.attributes["class"] for one in months.all("rect") if "class" in one.attributes][-2:] == [
        "posted",
        "planned",
    ]
    (cents,) = root.of_class("cents")
    told = {row.all("th")[0].text: [cell.text for cell in row.all("td")] for row in cents.all("tbody")[0].all("tr")}
    assert told["Pax8 charges"] == ["", "106.75 USD", "156.00 USD", "3"]
    assert told["Planned, not posted"][1:] == ["99.75 USD", "149.00 USD", "2"]
    assert told["Blocked: the company has no client"][1:] == ["7.00 USD", "7.00 USD", "1"]
    assert told["Not explained"][1:] == ["0.00 USD", "0.00 USD", ""]


def test_a_first_month_says_that_there_is_none_before(provider: Provider) -> None:
    provider.set_up(make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "1.00"))]), [ACME], {"target": "new"})
    provider.prepare()
    _, root = page_of(provider)
    assert "There is no earlier month to compare with." in root.text
    assert "Month before" in root.text


def test_empty_months_and_months_never_prepared_have_a_page_too(provider: Provider) -> None:
    provider.set_up(make_world([ACME], [bill(OCTOBER)]), [ACME], {"target": "new"})
    provider.prepare()
    text = " ".join(page_of(provider)[1].text.split())
    assert "1 Pax8 invoice with 0 lines" in text
    assert "The month has no clients." in text
    assert "Nothing was charged." in text
    assert "not prepared yet" not in text
    provider.rows("delete from step_log where month = ?", OCTOBER)
    assert "Fetched, and not prepared yet" in " ".join(page_of(provider)[1].text.split())


def test_a_plan_of_other_settings_or_an_older_fetch_is_to_be_prepared_again(provider: Provider) -> None:
    provider.set_up(make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "1.00"))]), [ACME], {"target": "new"})
    provider.prepare()
    assert "prepare again" not in page_of(provider)[1].text
    provider.configure([ACME], {"target": "new", "date": "today"})
    _, root = page_of(provider)
    text = " ".join(root.text.split())
    assert "The plan of client-1 was made with other settings than those in the settings folder now" in text
    assert "Prepare the month again: billing-pipeline close 2026-10" in text
    assert [one.text for one in root.of_class("client")[0].of_class("badge")] == ["to post", "prepare again"]
    problem = review_month(provider.warehouse, OCTOBER, None, (), "billing.yaml:3: <b>no</b>")
    assert problem is not None
    assert "The settings folder cannot be read, so nothing can be posted: billing.yaml:3: <b>no</b>" in " ".join(
        read_page(render_page(problem)).text.split()
    )
    provider.prepare()
    assert review_month(provider.warehouse, OCTOBER, load_settings(provider.folder / "config")).stale_clients == ()  # type: ignore[union-attr]
    provider.rows("update plans set fetch_id = fetch_id - 1")
    assert "was made before the invoice was fetched again" in page_of(provider)[1].text
