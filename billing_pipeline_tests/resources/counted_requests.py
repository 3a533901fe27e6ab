"""A process that reads HaloPSA many times within a limit: `python -m …counted_requests ORDER`, with ORDER as JSON."""

import json
import sys
from pathlib import Path

from billing_pipeline.resources.failures import ServiceFacts
from billing_pipeline.resources.http import HttpService
from billing_pipeline.resources.limits import limits_of
from billing_pipeline.resources.oauth import TokenRequest


def main() -> None:
    """Carry the order out. Without HaloClient, which takes seconds to import: processes shall run at once."""
    order = json.loads(sys.argv[1])
    variables = order["variables"]
    account = variables["HALOPSA_RESOURCE_SERVER"]
    secret = {"client_id": variables["HALOPSA_CLIENT_ID"], "client_secret": variables["HALOPSA_CLIENT_SECRET"]}
    query = {"tenant": variables["HALOPSA_TENANT"]}
    token = TokenRequest(
        f"{variables['HALOPSA_AUTHORISATION_SERVER']}/token", "form", {**secret, "scope": "all"}, query, "HALOPSA"
    )
    facts = ServiceFacts("HaloPSA", "HALOPSA_RESOURCE_SERVER", "HALOPSA_AUTHORISATION_SERVER", (), "")
    limits = limits_of("HaloPSA", account, order["limit"], order["seconds"], Path(order["beside"]))
    with HttpService(facts, account, token, limits, 30) as service:
        for _ in range(order["requests"]):
            service.get("/Tax")


if __name__ == "__main__":
    main()
