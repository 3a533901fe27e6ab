"""Keys of ours that stand where we did not post them, or twice, are listed with what is billed too much."""

from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import BIRCH, invoice, labour, template
from billing_pipeline_tests.verify.drifting import NOBODY, copy_of, post_october


def test_a_copy_of_our_document_is_listed_once_with_what_it_bills_twice(provider: Provider) -> None:
    document = post_october(provider)
    copy = provider.agent("create", **copy_of(document, reference=document["reference"]))
    (drift,) = provider.verify().drift
    assert (drift.kind, drift.client, drift.halopsa_id) == ("key_twice", "client-1", copy["id"])
    assert (drift.was, drift.now, drift.difference) == (f"posted on invoice {document['id']}", "here too", 40)
    assert f"belong on invoice {document['id']}" in drift.todo
    provider.agent("void", copy["id"])
    assert provider.verify().is_settled, "a void copy bills nothing"


def test_a_line_that_was_moved_is_gone_here_and_found_there(provider: Provider) -> None:
    document = post_october(provider, invoices=[invoice(70, BIRCH)])
    mail = next(line for line in document["lines"] if line["item_shortdescription"] == "Mail")
    provider.agent("delete_line", document["id"], line_id=mail["id"])
    provider.agent("add_line", 70, line={name: value for name, value in mail.items() if name != "id"})
    found = provider.verify()
    assert sorted((one.kind, one.halopsa_id, one.difference) for one in found.drift) == [
        ("key_twice", 70, 10),
        ("line_gone", document["id"], -10),
    ]
    assert [one.now for one in found.clients] == [40], "it is billed once, but elsewhere"


def test_a_line_that_is_there_twice_is_listed(provider: Provider) -> None:
    document = post_october(provider)
    mail = next(line for line in document["lines"] if line["item_shortdescription"] == "Mail")
    provider.agent("add_line", document["id"], line={name: value for name, value in mail.items() if name != "id"})
    (drift,) = provider.verify().drift
    assert (drift.kind, drift.difference, drift.todo) == ("line_twice", 10, "Delete all but one there.")
    assert drift.now.startswith(f"there 2 times (lines {mail['id']}, ")


def test_a_key_that_nobody_posted_is_listed_with_its_client(provider: Provider) -> None:
    post_october(provider)
    key = "bp-c-" + "0" * 32
    stranger = provider.agent(
        "create",
        fields={"client_id": BIRCH.halopsa_id, "invoice_date": "2026-10-09T00:00:00", "currency_code": 1},
        lines=[labour(0, "25.00", 1, comment_2=key, item_shortdescription="Late")],
    )
    (drift,) = provider.verify().drift
    assert (drift.kind, drift.client, drift.difference) == ("key_unknown", "client-2", 25)
    assert drift.place == f"invoice {stranger['id']}, line {stranger['lines'][0]['id']} (Late)"
    assert f"The journal does not have {key} as posted" in drift.todo


def test_a_key_of_nobodys_client_has_no_client(provider: Provider) -> None:
    document = post_october(provider)
    copy = provider.agent("create", **copy_of(document, reference="bp-d-" + "1" * 32))
    provider.agent("edit", copy["id"], fields={"client_id": NOBODY})
    found = provider.verify()
    assert sorted((one.kind, one.client or "") for one in found.drift) == [
        ("key_twice", "client-1"),
        ("key_unknown", ""),
    ]


def test_a_copied_recurring_invoice_is_listed(provider: Provider) -> None:
    document = post_october(provider, "recurring", templates=[template(-7)])
    ours = [line for line in document["lines"] if str(line.get("comment_2") or "").startswith("bp-")]
    copy = provider.agent("create", recurring=True, **copy_of({**document, "invoice_date": None, "lines": ours}))
    (drift,) = provider.verify().drift
    assert (drift.kind, drift.halopsa_id, drift.difference) == ("key_twice", copy["id"], 40)
    assert drift.was == "posted on recurring invoice -7"
