"""Providers that close months step by step; see `behaviours`."""

from billing_pipeline_tests.behaviours.conftest import _services, provider

__all__ = ["_services", "provider"]
