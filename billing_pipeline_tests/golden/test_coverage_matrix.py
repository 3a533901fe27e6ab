"""docs/coverage.md says what the cases are now, and every part of it is made from them."""

from billing_pipeline_tests import coverage_matrix
from billing_pipeline_tests.golden.dimensions import CLASSES, DIMENSIONS


def test_the_coverage_page_is_up_to_date() -> None:
    made = coverage_matrix.write_matrix(list(coverage_matrix.read_lines()))
    assert coverage_matrix.FILE.read_text(encoding="utf-8") == made, "run: make coverage-matrix"


def test_every_class_and_value_of_a_case_has_its_place_in_the_matrix() -> None:
    values = {one.name: set(one.values) for one in DIMENSIONS}
    for line in coverage_matrix.read_lines():
        assert line.line_class in CLASSES, line.case
        assert line.fate in coverage_matrix.FATES, line.case
        for setting, value in line.values.items():
            assert value in values[setting], f"{line.case}: {setting} {value}"


def test_there_are_at_least_sixty_cases() -> None:
    assert len({line.case for line in coverage_matrix.read_lines()}) >= 60
