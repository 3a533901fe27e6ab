"""Our lines on invoices and recurring invoices of others are proved, and what people change of them is listed."""

from decimal import Decimal

import pytest

from billing_pipeline.commands.verify import print_verified
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import (
    ACME,
    DECEMBER,
    NOVEMBER,
    OCTOBER,
    bill,
    invoice,
    labour,
    licence,
    make_world,
    template,
)
from billing_pipeline_tests.verify.drifting import line_of, post_october


def test_our_lines_among_others_are_proved_and_others_are_theirs(provider: Provider) -> None:
    document = post_october(provider, "latest", invoices=[invoice(70)])
    assert document["id"] == 70
    provider.agent("add_line", 70, line=labour(0, "99.00", 1))
    provider.agent("edit_line", 70, line_id=7000, fields={"unit_price": Decimal("1.00")})
    provider.agent("edit", 70, fields={"reference": "anything", "invoice_date": "2026-10-20T00:00:00"})
    assert provider.verify().is_settled
    provider.agent("edit_line", 70, line_id=line_of(document, "Backup"), fields={"qty_order": 4})
    provider.agent("delete_line", 70, line_id=line_of(document, "Mail"))
    found = {drift.kind: drift for drift in provider.verify().drift}
    assert found.keys() == {"line_changed", "line_gone"}
    assert (found["line_gone"].was, found["line_gone"].difference) == ("10.00 USD", -10)
    changed = found["line_changed"]
    assert changed.was == "quantity 3, 30.00 USD, cost 21.00 USD"
    assert changed.now == "quantity 4, 40.00 USD, cost 28.00 USD"


def test_a_deleted_document_of_others_is_told_as_not_ours_alone(provider: Provider) -> None:
    post_october(provider, "latest", invoices=[invoice(70)])
    provider.agent("delete", 70)
    (drift,) = provider.verify().drift
    assert (drift.kind, drift.difference) == ("document_gone", -40)
    assert drift.todo.startswith("It was not ours alone: ask who deleted it.")


def test_changes_of_our_lines_on_a_recurring_invoice_are_listed(provider: Provider) -> None:
    document = post_october(provider, "recurring", templates=[template(-7)])
    provider.agent("edit_line", -7, line_id=line_of(document, "Mail"), fields={"isinactive": True})
    provider.agent("edit_line", -7, line_id=line_of(document, "Backup"), fields={"unit_price": Decimal("11.00")})
    provider.agent("edit", -7, fields={"disabled": True})
    found = {drift.kind: drift for drift in provider.verify().drift}
    assert found.keys() == {"line_inactive", "line_changed", "template_disabled"}
    assert found["line_inactive"].place.startswith("recurring invoice -7, line ")
    assert found["line_changed"].difference == 3
    assert found["template_disabled"].now == "disabled"
    assert found["template_disabled"].todo == "Enable it there, or nothing of it is billed."


def test_a_line_that_halopsa_prorates_besides_is_listed(provider: Provider) -> None:
    document = post_october(provider, "recurring", templates=[template(-7)])
    row = {"id": 1, "shortdescription": "Mail", "quantity": 1, "unitprice": Decimal("3.00"), "isinvoiced": False}
    provider.agent("edit_line", -7, line_id=line_of(document, "Mail"), fields={"prorata_data": [row]})
    (drift,) = provider.verify().drift
    assert (drift.kind, drift.now, drift.difference) == ("pro_rata", "with 1 pro-rata rows", 0)
    assert drift.todo.startswith("Delete the rows there")


def test_a_recurring_invoice_that_was_issued_and_disabled_since_is_proved(provider: Provider) -> None:
    post_october(provider, "recurring", templates=[template(-7)])
    provider.issue("2026-11-01T07:00:00Z")
    provider.agent("edit", -7, fields={"disabled": True})
    assert provider.verify().is_settled, "what it was to bill was issued"


def test_what_later_months_wrote_over_is_counted_and_the_rest_proved(
    provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    bills = [
        bill(OCTOBER, licence("mail", ACME, "10.00"), licence("backup", ACME, "30.00")),
        bill(NOVEMBER, licence("mail", ACME, "20.00", quantity=2)),
    ]
    provider.set_up(make_world([ACME], bills, templates=[template(-7)]), [ACME], {"target": "recurring"})
    provider.close(OCTOBER)
    assert provider.verify(OCTOBER).replaced_lines == 0
    provider.issue("2026-11-01T07:00:00Z")
    provider.close(NOVEMBER)

    october, november = provider.verify(OCTOBER), provider.verify(NOVEMBER)

    assert october.is_settled
    assert dict(october.replaced_by) == {NOVEMBER: 2}, "Mail was written over, Backup ended"
    assert [(one.posted, one.replaced, one.now) for one in october.clients] == [(40, 40, 0)]
    print_verified(october, "https://psa.example.com/api")
    said = " ".join(capsys.readouterr().out.split())
    assert "client-1 1 2 40.00 40.00 40.00 0.00 USD" in said, "planned, posted, replaced, HaloPSA now"
    assert "2 lines of recurring invoices were written over since (2 by 2026-11): HaloPSA has no longer" in said
    assert "Proved: 1 invoice with 0 lines in HaloPSA as posted" in said
    assert november.is_settled
    assert november.replaced_lines == 0
    backup = line_of(provider.document(-7), "Backup")
    provider.agent("edit_line", -7, line_id=backup, fields={"isinactive": False})
    assert provider.verify(OCTOBER).is_settled, "it is the month that ended it which tells"
    (drift,) = provider.verify(NOVEMBER).drift
    assert (drift.kind, drift.line_id, drift.name) == ("line_active_again", backup, "Backup")
    assert (drift.was, drift.now, drift.difference) == ("ended", "active with 30.00 USD", 30)
    assert drift.todo == "Its charge ended: set it inactive there, or each next issue bills it."
    provider.agent("delete", -7)
    assert provider.verify(OCTOBER).is_settled, "nothing of it is left there that could be missed"
    assert [one.kind for one in provider.verify(NOVEMBER).drift] == ["document_gone"]


def test_an_ended_line_that_a_later_month_writes_again_is_proved(provider: Provider) -> None:
    mail, backup = licence("mail", ACME, "10.00"), licence("backup", ACME, "30.00")
    bills = [bill(OCTOBER, mail, backup), bill(NOVEMBER, mail), bill(DECEMBER, mail, backup)]
    provider.set_up(make_world([ACME], bills, templates=[template(-7)]), [ACME], {"target": "recurring"})
    provider.close(OCTOBER)
    for month in (NOVEMBER, DECEMBER):
        provider.issue(f"{month}-01T07:00:00Z")
        provider.close(month)
    assert provider.ours(-7).count(("Backup", "30.00", True)) == 1
    assert [provider.verify(month).is_settled for month in (OCTOBER, NOVEMBER, DECEMBER)] == [True] * 3
