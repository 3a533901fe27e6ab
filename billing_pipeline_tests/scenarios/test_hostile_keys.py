"""Ids from outside and keys from files may be anything; what becomes a partition, a path or a key is harmless."""

import re

import pytest

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.instance import open_instance
from billing_pipeline.partitions import CLIENTS
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.worlds import ACME, Client, make_invoice, make_line, make_world

COMPANY_IDS = [
    "../../etc/passwd",
    "a|b",
    "x'; drop table plans; --",
    'say "hello"',
    "${HOME}",
    "公司-Ünïcode-🙂",
    "A" * 300,
    "new\nline",
    "__ASSET_JOB",
    "unassigned",
]


def test_hostile_company_ids_become_harmless_clients_and_break_nothing(provider: Provider) -> None:
    hostile = [Client(f"company {number}", f"Company {number}", 0, one) for number, one in enumerate(COMPANY_IDS)]
    lines = [make_line(number, client, "1.00") for number, client in enumerate(hostile, start=1)]
    clients = [ACME, Client("quoted", "Quoted & Sons", 1002, COMPANY_IDS[2])]
    lines.append(make_line(99, ACME, "10.00"))
    provider.set_up(make_world(clients, [make_invoice(lines)]), clients)

    closed = provider.close()

    assert len(closed.clients) == len(COMPANY_IDS) + 1
    with open_instance(provider.environment.dagster_home) as instance:
        partitions = instance.get_dynamic_partitions(CLIENTS)
    assert set(partitions) == set(closed.clients)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", client) for client in partitions)
    assert provider.billed() == {1001: ["10.00"], 1002: ["1.00"]}
    unmapped = provider.query("select company_id, sell::decimal(28,2)::text from unmapped_money")
    assert sorted(unmapped) == sorted((one, "1.00") for one in COMPANY_IDS if one != COMPANY_IDS[2])
    assert provider.adds_up()


@pytest.mark.parametrize(
    "key", ["../../etc", "a|b", "Acme", "-acme", "a" * 64, "äcme", "a b", "a'b", "unassigned", "pax8-1"]
)
def test_a_hostile_client_key_in_the_settings_is_refused_before_anything_starts(provider: Provider, key: str) -> None:
    provider.set_up(make_world([ACME], [make_invoice([make_line(1, ACME, "10.00")])]), [ACME])
    provider.write_csv("clients.csv", [(key, "Acme Dental", 1001, ACME.company_id, "false", "", "")])

    provider.remove_files()
    with pytest.raises(SettingsError, match=r"clients\.csv:2: client: .*key") as error:
        provider.close()

    assert error.value.exit_code == 2
    assert not provider.warehouse.exists()
