"""The sandbox of the golden cases, for all properties."""

from billing_pipeline_tests.golden.conftest import services

__all__ = ["services"]
