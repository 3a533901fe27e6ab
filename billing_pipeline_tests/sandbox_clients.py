"""The real clients before a sandbox's Pax8 and HaloPSA, without a limit of requests."""

from collections.abc import Mapping
from typing import Any

from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.pax8 import Pax8Client
from billing_pipeline.resources.retries import RetryPolicy

# Tests that break a service on purpose wait no longer than it takes to see that it is tried again.
QUICK = RetryPolicy(attempts=2, backoff=0.001, longest_wait=0.01, total_wait=0.05)


def connect_pax8(variables: Mapping[str, str], **changes: Any) -> Pax8Client:
    """A client of the Pax8 that the variables name; `changes` are what Pax8Client is to be given besides or instead."""
    given = {
        "base_url": variables["PAX8_BASE_URL"],
        "token_url": variables["PAX8_TOKEN_URL"],
        "audience": variables["PAX8_AUDIENCE"],
        "client_id": variables["PAX8_CLIENT_ID"],
        "client_secret": variables["PAX8_CLIENT_SECRET"],
        "requests_per_minute": None,
    }
    return Pax8Client(**{**given, **changes})


def connect_halopsa(variables: Mapping[str, str], **changes: Any) -> HaloClient:
    """A client of the HaloPSA that the variables name; `changes` as for Pax8."""
    given = {
        "resource_server": variables["HALOPSA_RESOURCE_SERVER"],
        "authorisation_server": variables["HALOPSA_AUTHORISATION_SERVER"],
        "tenant": variables["HALOPSA_TENANT"],
        "client_id": variables["HALOPSA_CLIENT_ID"],
        "client_secret": variables["HALOPSA_CLIENT_SECRET"],
        "requests_per_5_minutes": None,
    }
    return HaloClient(**{**given, **changes})
