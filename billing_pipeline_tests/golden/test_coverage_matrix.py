"""docs/coverage.md says what the cases are now, and every part of it is made from them."""

import pytest

from billing_pipeline.billing.reasons import REASONS
from billing_pipeline.billing.settings_resolution import SETTING_KEYS
from billing_pipeline_tests import coverage_matrix
from billing_pipeline_tests.coverage_matrix import CoveredLine
from billing_pipeline_tests.golden.dimensions import CLASSES, DIMENSIONS


@pytest.fixture(scope="module")
def lines() -> list[CoveredLine]:
    """Every line of every case."""
    return list(coverage_matrix.read_lines())


def test_the_coverage_page_is_up_to_date(lines: list[CoveredLine]) -> None:
    made = coverage_matrix.write_matrix(lines)
    assert coverage_matrix.FILE.read_text(encoding="utf-8") == made, "run: make coverage-matrix"


def test_every_class_and_value_of_a_case_has_its_place_in_the_matrix(lines: list[CoveredLine]) -> None:
    values = {one.name: set(one.values) for one in DIMENSIONS}
    for line in lines:
        assert line.line_class in CLASSES, line.case
        assert line.fate in coverage_matrix.FATES, line.case
        for setting, value in line.values.items():
            assert value in values[setting], f"{line.case}: {setting} {value}"


def test_there_are_at_least_sixty_cases(lines: list[CoveredLine]) -> None:
    assert len({line.case for line in lines}) >= 60


def test_every_setting_is_shown_from_every_level(lines: list[CoveredLine]) -> None:
    shown = {pair for line in lines for pair in line.levels.items()}
    missing = [(key, level) for key in SETTING_KEYS for level in coverage_matrix.LEVELS if (key, level) not in shown]
    assert missing == []


def test_every_reason_has_a_case(lines: list[CoveredLine]) -> None:
    shown = {line.reason.partition(":")[0] for line in lines if line.reason}
    assert shown == {reason.code for reason in REASONS}
