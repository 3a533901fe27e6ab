"""The settings that a month was made with, for each client, integration and key, with the level that gave them."""

from billing_pipeline.billing.canonical import canonical_json
from billing_pipeline.settings.scope import refuse_what_is_not_carried_out
from billing_pipeline_tests.proposals.office import MONTH, Office, client, company, company_id, halopsa, line, pax8


def test_each_key_is_stored_with_its_value_and_level(office: Office) -> None:
    office.set_up(
        pax8(companies=[company(1, "Acme")], lines=[line(1, 1), line(2, 9)]),
        halopsa(clients=[client(246, "Acme")]),
        f"acme,Acme,246,{company_id(1)},false,,\n",
        overrides={
            "acme": {
                "settings": {"modifiers": {"drop_zero": True}, "codes": {"tax": None}},
                "integrations": {"pax8": {"settings": {"tax_engine": "none"}}},
            }
        },
        integrations={"pax8": {"trust_external_id": True, "settings": {"modifiers": {"drop_azure": True}}}},
    )
    refuse_what_is_not_carried_out(office.loaded.settings)
    office.prepare()
    used = {
        (who, key): (value, level)
        for who, key, value, level in office.query(
            "select client, key, value, level from settings_used where month = ? and integration = 'pax8'", MONTH
        )
    }
    for who in ("acme", f"pax8-{company_id(9)}"):
        resolved = office.loaded.resolve(who, "pax8").values()
        assert {key: used[who, key] for key, _, _ in resolved} == {
            key: (canonical_json(value), level) for key, value, level in resolved
        }
    assert used["acme", "tax_engine"] == ('"none"', "client_integration")
    assert used["acme", "modifiers.drop_zero"] == ("true", "client")
    assert used["acme", "codes.tax"] == ("null", "client")
    assert used["acme", "modifiers.drop_azure"] == ("true", "integration")
    assert used["acme", "codes.item"] == ("900", "global")
    assert used["acme", "behaviour.target"] == ('"new"', "built_in")
