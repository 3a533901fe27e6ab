"""The provider of the scenarios, for tests of what Dagster sees and starts."""

from billing_pipeline_tests.scenarios.conftest import provider, running_sandbox

__all__ = ["provider", "running_sandbox"]
