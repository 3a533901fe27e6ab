"""`review --html`: the review of a month as one page that needs nothing but itself."""

from base64 import b64encode
from collections import Counter
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from billing_pipeline.billing.canonical import decimal_text
from billing_pipeline.billing.money import show_change
from billing_pipeline.billing.reasons import describe_hold, reason_of
from billing_pipeline.commands import review_words as words
from billing_pipeline.commands.approval_report import approve_command
from billing_pipeline.commands.correction_report import describe_earlier_credit
from billing_pipeline.commands.reversal_report import describe_credit
from billing_pipeline.commands.review_page.charts import chart_cents, chart_months
from billing_pipeline.commands.review_page.entries import STANDS, WHAT, make_entries
from billing_pipeline.commands.review_page.holds import group_holds
from billing_pipeline.commands.terminal import amount
from billing_pipeline.steps.month_review import MonthReview

# Runs before anything is drawn: without it every client is open, and the page can be read without any script.
_MARK_SCRIPTED = "document.documentElement.classList.add('js')"


def render_page(review: MonthReview) -> str:
    """The page as HTML. All that comes from outside is escaped, and no other script or address is allowed on it."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"money": amount, "exact": decimal_text, "signed": show_change, "reason": reason_of}
    style, script = _read("page.css"), _read("page.js")
    entries = make_entries(review)
    tags = Counter(tag for entry in entries for tag in entry.tags)
    return environment.from_string(_read("page.html.jinja")).render(
        review=review,
        summary=review.summary,
        entries=entries,
        filters=(("What changes", WHAT), ("Where it stands", STANDS)),
        tags=tags,
        month_charts=chart_months(review),
        cent_charts=chart_cents(review),
        held_groups=group_holds(review),
        words=words,
        approve_command=approve_command,
        describe_credit=describe_credit,
        describe_earlier_credit=describe_earlier_credit,
        describe_hold=describe_hold,
        style=style,
        script=script,
        mark_scripted=_MARK_SCRIPTED,
        allowed=f"default-src 'none'; style-src {_source(style)}; "
        f"script-src {_source(_MARK_SCRIPTED)} {_source(script)}; base-uri 'none'; form-action 'none'",
    )


def _read(name: str) -> str:
    return (files("billing_pipeline.commands.review_page") / name).read_text(encoding="utf-8")


def _source(text: str) -> str:
    """A text that may stand in the page, as a content security policy names it."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
