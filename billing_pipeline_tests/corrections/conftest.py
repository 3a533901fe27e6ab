"""A sandbox and a maker of months for the tests of corrections."""

from billing_pipeline_tests.steps.conftest import _services, months

__all__ = ["_services", "months"]
