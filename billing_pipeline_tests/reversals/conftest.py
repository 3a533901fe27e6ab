"""A provider for the behaviours, a maker of months for corrections, and one with a command line."""

from billing_pipeline_tests.behaviours.conftest import _services, provider

__all__ = ["_services", "provider"]
