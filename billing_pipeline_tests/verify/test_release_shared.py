"""An invoice of ours may bill more than the month to release: that is named, and stays billed."""

import pytest

from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import ACME, BIRCH, OCTOBER, bill, labour, licence, make_world, numbered

PAYS = numbered(9)


@pytest.fixture
def shared(provider: Provider) -> Provider:
    """Invoice 1 was made for Mail of client-1 over 10.00, and Voice of client-2 over 7.00 was added to it."""
    bills = [
        bill(OCTOBER, licence("mail", ACME, "10.00")),
        bill(OCTOBER, licence("voice", BIRCH, "7.00"), number=2, release_at="2026-10-08T00:00:00Z"),
    ]
    pays = {"client_to_invoice": PAYS.halopsa_id}
    world = make_world([ACME, BIRCH, PAYS], bills, client_fields={"client-1": pays, "client-2": pays})
    provider.set_up(world, [ACME, BIRCH], {"target": "latest"})
    provider.close()
    provider.now = "2026-10-09T15:00:00Z"
    provider.close()
    assert provider.ours(1) == [("Mail", "10.00", True), ("Voice", "7.00", True)]
    return provider


def todo(provider: Provider, client: str = "client-1") -> str:
    (standing,) = provider.release(client=client).standing
    return standing.todo


def test_lines_of_another_client_stay_while_ours_are_deleted(shared: Provider) -> None:
    mail, voice = shared.places(1).values()
    assert todo(shared) == (
        f"Its line {voice} (Voice) over 7.00 USD is of client-2 for 2026-10: leave the document, and only delete line "
        f"{mail} and take the key out of its reference there. Or delete all of it, and release that as well: "
        "billing-pipeline release 2026-10 --client client-2."
    )
    shared.agent("delete_line", 1, line_id=mail)
    assert "leave the document, and only take the key out of its reference there." in todo(shared)
    shared.agent("edit", 1, fields={"reference": ""})

    assert shared.release().is_done
    shared.close()

    assert shared.invoice_ids() == [1]
    assert sorted(shared.ours(1)) == [("Mail", "10.00", True), ("Voice", "7.00", True)]
    assert shared.prove().whole
    assert shared.verify().is_settled


def test_all_of_it_is_deleted_where_both_are_released(shared: Provider) -> None:
    shared.agent("delete", 1)
    assert shared.release(client="client-1").is_done
    assert shared.release(client="client-2").is_done
    shared.close()
    assert shared.posted() == 17
    assert shared.prove().whole


def test_a_line_that_an_agent_put_on_our_document_is_named(shared: Provider) -> None:
    shared.agent("add_line", 1, line=labour(0, "50.00", 1))
    said = todo(shared)
    assert "over 50.00 USD is not ours: leave the document, and only delete line" in said
    assert "Or delete all of it" not in said


def test_our_line_whose_key_was_taken_out_is_ours_all_the_same(shared: Provider) -> None:
    mail, voice = shared.places(1).values()
    shared.agent("edit", 1, fields={"reference": ""})
    shared.agent("edit_line", 1, line_id=mail, fields={"comment_2": ""})
    assert f"only delete line {mail} there." in todo(shared)
    assert f"line {voice}" in todo(shared)


def test_a_line_that_a_person_wrote_anew_without_its_key_still_stands(provider: Provider) -> None:
    provider.set_up(make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))]), [ACME], {"target": "new"})
    provider.close()
    (line,) = provider.document(1)["lines"]
    provider.agent("edit", 1, fields={"reference": "INV-0001"})
    provider.agent("delete_line", 1, line_id=line["id"])
    anew = {name: line[name] for name in ("_itemid", "item_shortdescription")}
    new_id = provider.agent("add_line", 1, line={**anew, "qty_order": 1, "unit_price": 9.5})["lines"][-1]["id"]

    assert todo(provider) == (
        f"Line {new_id} may be ours, written anew without its key: delete what bills the same there, put what does "
        "not on an invoice of its own, then delete this one."
    )
    provider.agent("delete", 1)
    assert provider.release().is_done
