"""The resources inside Dagster: definitions load without credentials, runs get what the environment holds."""

import dagster as dg
import pytest

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.resources.halopsa import HaloResource
from billing_pipeline.resources.pax8 import Pax8Resource


@dg.asset
def addresses(pax8: Pax8Resource, halopsa: HaloResource) -> list[str]:
    with pax8.open() as pax8_client, halopsa.open() as halo_client:
        return [str(pax8_client.requests), halo_client.address, halo_client.tenant]


def test_definitions_load_without_credentials_and_a_run_names_what_is_missing() -> None:
    definitions = dg.Definitions(assets=[addresses], resources={"pax8": Pax8Resource(), "halopsa": HaloResource()})
    dg.Definitions.validate_loadable(definitions)
    result = definitions.resolve_implicit_global_asset_job_def().execute_in_process(raise_on_error=False)
    assert not result.success
    [failure] = result.get_step_failure_events()
    assert "PAX8_CLIENT_ID, PAX8_CLIENT_SECRET not set" in str(failure.event_specific_data)


def test_a_run_reads_secrets_from_the_environment_and_keeps_them_out_of_its_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PAX8_CLIENT_SECRET", "hidden-pax8")
    monkeypatch.setenv("HALOPSA_CLIENT_SECRET", "hidden-halo")
    result = dg.materialize(
        [addresses],
        resources={
            "pax8": Pax8Resource(client_id="a", client_secret=dg.EnvVar("PAX8_CLIENT_SECRET")),
            "halopsa": HaloResource(
                resource_server="https://example.halopsa.com/api/",
                authorisation_server="https://example.halopsa.com/auth",
                tenant="example",
                client_id="a",
                client_secret=dg.EnvVar("HALOPSA_CLIENT_SECRET"),
            ),
        },
    )
    assert result.output_for_node("addresses") == ["Counter()", "https://example.halopsa.com/api", "example"]
    assert "hidden-" not in "".join(map(str, result.all_events))


def test_opening_without_credentials_is_a_settings_error() -> None:
    with pytest.raises(SettingsError):
        Pax8Resource().open()
