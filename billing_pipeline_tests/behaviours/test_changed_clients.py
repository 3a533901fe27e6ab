"""What HaloPSA says of a client changes between the sealed plan and posting: nothing is sent on that plan."""

from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import NOVEMBER, OCTOBER, bill, licence, make_world, numbered

CLIENTS = [numbered(number) for number in range(1, 7)]
LEFT, ABROAD, TAKEN_OVER, GONE, CALLED, QUIET = CLIENTS


def test_clients_that_changed_since_the_plan_are_held(provider: Provider) -> None:
    bills = [bill(OCTOBER, *(licence("mail", one, "10.00") for one in CLIENTS)), bill(NOVEMBER)]
    provider.set_up(make_world(CLIENTS, bills), CLIENTS, {"target": "new"})
    provider.prepare()
    changes = {
        LEFT: {"inactive": True},
        ABROAD: {"default_currency_code": 2},
        TAKEN_OVER: {"client_to_invoice": QUIET.halopsa_id},
        CALLED: {"name": "Called otherwise"},
    }
    for one, fields in changes.items():
        provider.agent("edit_other", one.halopsa_id, resource="Client", fields=fields)
    gone = provider.sandbox.halopsa.tables["clients"].pop(GONE.halopsa_id)

    posted = provider.post()

    assert [document["client_id"] for document in provider.sandbox.halopsa.dump()["invoices"]] == [205, 206]
    assert (len(posted.posted), len(posted.refused)) == (2, 4)
    assert provider.holds() == [(one.key, "target_changed") for one in (LEFT, ABROAD, TAKEN_OVER, GONE)]
    said = {row["client"]: row["detail"] for row in provider.rows("select client, detail from holds")}
    key = provider.documents(ABROAD.key)[0].document_key
    assert said[ABROAD.key] == (
        "HaloPSA client 202 was changed since the plan was made (its currency was USD, is CAD); document "
        f"{key} of client-2 over 10.00 USD was not sent. Run billing-pipeline close 2026-10 --client client-2 --post: "
        "it plans on what HaloPSA has now"
    )
    assert "(inactive was False, is True)" in said[LEFT.key]
    assert "(the client it is billed to was 203, is 206)" in said[TAKEN_OVER.key]
    assert "HaloPSA client 204 is not in HaloPSA's list any more" in said[GONE.key]

    provider.sandbox.halopsa.tables["clients"][GONE.halopsa_id] = gone
    provider.agent("edit_other", ABROAD.halopsa_id, resource="Client", fields={"default_currency_code": 1})
    provider.close()

    assert provider.holds() == [(LEFT.key, "inactive_client")]
    billed = [document["client_id"] for document in provider.sandbox.halopsa.dump()["invoices"]]
    assert sorted(billed) == [202, 204, 205, 206, 206]
    assert provider.prove().whole


def test_a_client_that_changed_is_held_though_another_month_saw_it_so(provider: Provider) -> None:
    bills = [bill(OCTOBER, licence("mail", LEFT, "10.00")), bill(NOVEMBER, licence("mail", LEFT, "10.00"))]
    provider.set_up(make_world([LEFT], bills), [LEFT], {"target": "new"})
    provider.prepare(OCTOBER)
    provider.agent("edit_other", LEFT.halopsa_id, resource="Client", fields={"inactive": True})
    provider.prepare(NOVEMBER)

    provider.post(OCTOBER)

    assert provider.writes() == 0
    assert provider.holds(OCTOBER) == [(LEFT.key, "target_changed")]
    assert provider.why(OCTOBER).startswith("HaloPSA client 201 was changed since the plan was made; document ")
