"""Addresses, credentials, folders and the clock, from the environment and from .env."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.settings.environment import VARIABLES, load_environment

EXAMPLE = Path(__file__).parents[2] / ".env.example"
HALO = {
    "HALOPSA_RESOURCE_SERVER": "https://halo.example.com/api",
    "HALOPSA_AUTHORISATION_SERVER": "https://halo.example.com/auth/",
    "HALOPSA_CLIENT_ID": "halo-id",
    "HALOPSA_CLIENT_SECRET": "halo-secret",
}
PAX8 = {"PAX8_CLIENT_ID": "pax8-id", "PAX8_CLIENT_SECRET": "pax8-secret"}


def error_of(environ: dict[str, str], dotenv: Path | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load_environment(environ, dotenv)
    return str(caught.value)


def test_an_empty_environment_has_pax8s_addresses_and_no_halopsa(tmp_path: Path) -> None:
    environment = load_environment({}, None, root=tmp_path)
    assert environment.pax8_base_url == "https://api.pax8.com/v1"
    assert environment.pax8_token_url == "https://api.pax8.com/v1/token"
    assert environment.pax8_audience == "https://api.pax8.com"
    assert environment.halopsa_resource_server is None
    assert environment.config_folder == tmp_path / "config"
    assert environment.warehouse == tmp_path / "data" / "billing.duckdb"
    assert environment.dagster_home == tmp_path / "data" / "dagster"


def test_the_environment_wins_over_the_file_even_when_it_is_empty(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(
        "\ufeff# mine\n\nPAX8_CLIENT_ID=from-file\nexport HALOPSA_TENANT='acme'\nPAX8_CLIENT_SECRET=a$HOME${X}#b\n"
    )
    environment = load_environment({"PAX8_CLIENT_ID": "from-environment", "HALOPSA_TENANT": ""}, dotenv)
    access = environment.require_pax8()
    assert access.client_id == "from-environment"
    assert access.client_secret.get_secret_value() == "a$HOME${X}#b"
    assert environment.halopsa_tenant == ""


def test_secrets_show_in_no_text() -> None:
    environment = load_environment({**PAX8, **HALO}, None)
    texts = [
        repr(environment),
        str(environment),
        repr(environment.require_pax8()),
        repr(environment.require_halopsa()),
    ]
    assert not any("secret" in text.replace("client_secret", "") for text in texts)
    assert environment.require_halopsa().client_secret.get_secret_value() == "halo-secret"


def test_addresses_lose_their_trailing_slash() -> None:
    access = load_environment(HALO, None).require_halopsa()
    assert access.authorisation_server == "https://halo.example.com/auth"


def test_the_token_url_follows_the_base_url_so_credentials_stay_on_its_host() -> None:
    environment = load_environment({"PAX8_BASE_URL": "http://127.0.0.1:8080/v1/"}, None)
    assert environment.pax8_base_url == "http://127.0.0.1:8080/v1"
    assert environment.pax8_token_url == "http://127.0.0.1:8080/v1/token"


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/v1", "http://127.8.9.1/v1", "http://[::1]:9/v1", "http://localhost:80/v1"]
)
def test_plain_http_is_fine_on_this_machine(address: str) -> None:
    assert load_environment({"PAX8_BASE_URL": address}, None).pax8_base_url == address


@pytest.mark.parametrize(
    "address",
    [
        "http://api.pax8.com/v1",
        "http://127.0.0.1.evil.example/v1",
        "http://localhost.evil.example/v1",
        "http://127.1/v1",
        "http://2130706433/v1",
        "http://0.0.0.0/v1",
        "http://[::ffff:127.0.0.1]/v1",
        "http://[::]/v1",
    ],
)
def test_plain_http_to_any_other_host_is_refused(address: str) -> None:
    text = error_of({"PAX8_BASE_URL": address})
    assert text.startswith("PAX8_BASE_URL: plain http to ")
    assert "write https://" in text


@pytest.mark.parametrize(
    ("name", "address", "problem"),
    [
        (
            "PAX8_BASE_URL",
            "https://api.pax8.com",
            "https://api.pax8.com must end in /v1: write https://api.pax8.com/v1",
        ),
        (
            "HALOPSA_RESOURCE_SERVER",
            "https://h.example.com/",
            "https://h.example.com must end in /api: write https://h.example.com/api",
        ),
        (
            "HALOPSA_AUTHORISATION_SERVER",
            "https://h.example.com/auth/token",
            "https://h.example.com/auth/token must end in /auth: write https://h.example.com/auth",
        ),
        ("PAX8_TOKEN_URL", "api.pax8.com/v1/token", "this is no address: write https://<host>"),
        ("PAX8_TOKEN_URL", "ftp://api.pax8.com", "this is no address: write https://<host>"),
        ("PAX8_TOKEN_URL", "https://h:99999/x", "this is no address: write https://<host>"),
        ("PAX8_TOKEN_URL", "https://h/x?a=b", "nothing may follow the path: leave out all from ? or # on"),
        (
            "PAX8_TOKEN_URL",
            "http://127.0.0.1\\@evil.example/",
            "the address holds a space, a backslash or a control character",
        ),
    ],
)
def test_a_wrong_address_is_refused(name: str, address: str, problem: str) -> None:
    assert error_of({name: address}) == f"{name}: {problem}"


def test_a_password_in_an_address_is_refused_and_not_shown() -> None:
    text = error_of({"PAX8_BASE_URL": "https://me:hunter2@api.pax8.com/v1"})
    assert text == "PAX8_BASE_URL: no user or password may stand in an address"


def test_all_problems_come_in_one_error() -> None:
    text = error_of({"PAX8_BASE_URL": "x", "HALOPSA_RESOURCE_SERVER": "y", "BILLING_NOW": "today"})
    assert [line.split(":")[0] for line in text.splitlines()] == [
        "PAX8_BASE_URL",
        "HALOPSA_RESOURCE_SERVER",
        "BILLING_NOW",
    ]


def test_missing_credentials_are_named_for_each_service(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    environment = load_environment({"PAX8_CLIENT_ID": "pax8-id", "PAX8_CLIENT_SECRET": " "}, dotenv)
    with pytest.raises(SettingsError) as caught:
        environment.require_credentials()
    pax8, halopsa = str(caught.value).splitlines()
    assert pax8.startswith(f"Pax8: PAX8_CLIENT_SECRET is missing; set it in the environment or in {dotenv} ")
    assert halopsa.startswith(
        "HaloPSA: HALOPSA_RESOURCE_SERVER, HALOPSA_AUTHORISATION_SERVER, HALOPSA_CLIENT_ID, "
        "HALOPSA_CLIENT_SECRET are missing; set them in "
    )
    with pytest.raises(SettingsError, match="PAX8_CLIENT_SECRET"):
        environment.require_pax8()
    with pytest.raises(SettingsError, match="HALOPSA_CLIENT_ID"):
        environment.require_halopsa()


def test_nothing_is_missing_when_both_services_are_set() -> None:
    environment = load_environment({**PAX8, **HALO}, None)
    environment.require_credentials()
    assert environment.require_halopsa().tenant == ""


def test_a_name_spelt_otherwise_in_the_environment_is_pointed_out() -> None:
    environ = {**HALO, "HALOPSA_AUTHORIZATION_SERVER": "https://halo.example.com/auth"}
    del environ["HALOPSA_AUTHORISATION_SERVER"]
    with pytest.raises(SettingsError) as caught:
        load_environment(environ, None).require_halopsa()
    assert str(caught.value).endswith(
        "HALOPSA_AUTHORIZATION_SERVER is set, but the name is HALOPSA_AUTHORISATION_SERVER"
    )


def test_a_broken_file_is_told_by_line_and_without_its_values(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("# head\n\nPAX8_CLIENTID=hunter2\nhunter2 hunter2\nPAX8_CLIENT_ID=a\nPAX8_CLIENT_ID=b\nPATH=/x\n")
    text = error_of({}, dotenv)
    assert text.splitlines() == [
        f"{dotenv}:3: PAX8_CLIENTID: unknown variable; the nearest known one is PAX8_CLIENT_ID",
        f"{dotenv}:4: cannot be read: write NAME=value, in quotes where it has spaces",
        f"{dotenv}:6: PAX8_CLIENT_ID stands twice: leave one",
    ]
    dotenv.write_bytes(b"A=1\nPAX8_CLIENT_SECRET=hunter2\xe9\n")
    assert error_of({}, dotenv) == f"{dotenv}:2: the file is not UTF-8 from here on: save it as UTF-8"


def test_the_example_file_knows_every_variable_and_sets_none() -> None:
    environment = load_environment({}, EXAMPLE)
    assert environment.pax8_client_id is None
    text = EXAMPLE.read_text(encoding="utf-8")
    assert [name for name in VARIABLES if f"{name}=" not in text] == []


def test_the_wait_for_another_process_is_a_minute_unless_it_is_given() -> None:
    assert load_environment({}, None).lock_wait_seconds == 60
    assert load_environment({"BILLING_LOCK_WAIT_SECONDS": "0.5"}, None).lock_wait_seconds == 0.5


@pytest.mark.parametrize("text", ["-1", "a minute", "nan", "1e3"])
def test_a_wait_that_is_no_number_of_seconds_is_refused(text: str) -> None:
    assert error_of({"BILLING_LOCK_WAIT_SECONDS": text}) == (
        f"BILLING_LOCK_WAIT_SECONDS: '{text}' is no number of seconds: write it as 60 or 0.5"
    )


def test_the_clock_stands_still_and_is_read_at_each_call() -> None:
    environ = {"BILLING_NOW": "2026-10-05T09:00:00Z"}
    environment = load_environment(environ, None)
    assert environment.now() == environment.now() == datetime(2026, 10, 5, 9, tzinfo=UTC)
    environ["BILLING_NOW"] = "2026-10-05T09:15:00.5Z"
    assert environment.now() == datetime(2026, 10, 5, 9, 15, 0, 500000, tzinfo=UTC)
    del environ["BILLING_NOW"]
    assert abs(environment.now() - datetime.now(UTC)).total_seconds() < 60


def test_the_clock_may_stand_in_the_file(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("BILLING_NOW=2026-10-05T09:00:00Z\n")
    assert load_environment({}, dotenv).now() == datetime(2026, 10, 5, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-10-05", "2026-10-05T09:00:00", "2026-10-05T09:00:00+02:00", "2026-13-05T09:00:00Z", "now"]
)
def test_a_time_without_z_is_refused(text: str) -> None:
    assert error_of({"BILLING_NOW": text}) == (
        f"BILLING_NOW: '{text}' is no ISO 8601 time with Z: write it as in 2026-10-05T09:00:00Z"
    )


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "1999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"])
def test_a_time_near_the_ends_of_the_calendar_is_refused(text: str) -> None:
    assert error_of({"BILLING_NOW": text}) == f"BILLING_NOW: '{text}' is not of the years 2000 to 2199"


@pytest.mark.parametrize("file", ["/data/what?/billing.duckdb", "/data/billing?.duckdb"])
def test_a_question_mark_in_the_path_of_the_database_is_refused(file: str) -> None:
    assert error_of({"BILLING_WAREHOUSE": file}) == (
        f"BILLING_WAREHOUSE: '{file}' has a question mark, and DuckDB keeps no database at such a path: "
        "choose a folder and a file name without one"
    )
