"""A sandbox and a maker of months for the tests of approvals, and a provider for those of commands."""

from billing_pipeline_tests.scenarios.conftest import provider, running_sandbox
from billing_pipeline_tests.steps.conftest import _services, months

__all__ = ["_services", "months", "provider", "running_sandbox"]
