"""Which combinations of setting, line class and behaviour have a golden case, counted from the cases themselves.

Run as `python -m billing_pipeline_tests.coverage_matrix`: it writes docs/coverage.md.
"""

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from billing_pipeline.billing.reasons import REASONS
from billing_pipeline.billing.setting_types import Level
from billing_pipeline.billing.settings_resolution import SETTING_KEYS
from billing_pipeline.settings.load import LoadedSettings, load_settings
from billing_pipeline_tests.golden.case_files import Case, read_cases
from billing_pipeline_tests.golden.dimensions import CLASSES, DIMENSIONS, TARGETS, Dimension

FILE = Path(__file__).parent.parent / "docs" / "coverage.md"
LEVELS: tuple[Level, ...] = ("built_in", "global", "integration", "client", "client_integration")
FATES = ("posted", "collapsed", "planned", "dropped", "held", "blocked", "excluded")


@dataclass(frozen=True)
class CoveredLine:
    """A fate of one line of one case, as its files say, with its class and the settings that count for it.

    In a case that tells a story a line may have several.
    """

    case: str
    name: str
    line_class: str
    fate: str
    reason: str
    target: str
    values: dict[str, str]
    levels: dict[str, Level]


def read_lines() -> Iterator[CoveredLine]:
    """Every line of every case."""
    for case in read_cases():
        with tempfile.TemporaryDirectory() as folder:
            for name, text in case.config.items():
                (Path(folder) / name).write_text(text, encoding="utf-8")
            yield from _read_case(case, load_settings(Path(folder)))


def _read_case(case: Case, config: LoadedSettings) -> Iterator[CoveredLine]:
    clients = {row.pax8_company_id: row.client for row in config.clients}
    told = {(name, said) for step in case.story for name, said in step.get("lines", {}).items()}
    for name, said in sorted(told):
        line_class, fate, *rest = said.split(", ")
        # What is planned comes out posted in a later step; what waits for an approval has a reason of its own.
        if fate == "planned" and not rest:
            continue
        resolved = config.resolve(clients.get(case.lines[name]["companyId"]), "pax8")
        found = {one.name: one.value_of(config.settings, resolved.charge) for one in DIMENSIONS}
        yield CoveredLine(
            case=case.name,
            name=name,
            line_class=line_class,
            fate=fate,
            reason=rest[0] if fate in ("dropped", "held", "blocked", "excluded", "planned") else "",
            target=resolved.charge.behaviour.target,
            values={key: value for key, value in found.items() if value is not None},
            levels={key: resolved.level(key) for key in SETTING_KEYS},
        )


def write_matrix(lines: Sequence[CoveredLine]) -> str:
    """The page: Markdown, always the same for the same cases."""
    parts = [
        "# What the golden cases cover",
        "Made by `make coverage-matrix` from the cases in `billing_pipeline_tests/golden/`; never edited by hand. "
        "A case counts for a value where the value is at work (a `zero_test` where `drop_zero` is on), for the class "
        "of each of its lines, and for the behaviour of that line's client. A number is how many cases there are, "
        "a dot that there is none, a dash that the value cannot matter there. Scenarios, properties and unit tests "
        "are not counted.",
        _count_cases(lines),
    ]
    combinations, table = _tables(lines)
    parts += [combinations, *table, _levels(lines), _fates(lines), _reasons(lines)]
    return "\n\n".join(parts) + "\n"


def _count_cases(lines: Sequence[CoveredLine]) -> str:
    count = len({(line.case, line.name) for line in lines})
    return f"**{len({line.case for line in lines})} cases with {count} lines.**"


def _tables(lines: Sequence[CoveredLine]) -> tuple[str, list[str]]:
    cases: dict[tuple[str, str, str, str], set[str]] = defaultdict(set)
    for line in lines:
        for setting, value in line.values.items():
            cases[(setting, value, line.target, line.line_class)].add(line.case)
    covered = possible = 0
    tables = []
    for target in TARGETS:
        rows = []
        for one in DIMENSIONS:
            for value in one.values:
                cells = [_cell(one, value, target, name, cases) for name in CLASSES]
                counted = [cell for cell in cells if cell != "–"]
                possible += len(counted)
                covered += sum(cell != "·" for cell in counted)
                if counted:
                    rows.append([f"`{one.name}: {value}`", *cells])
        tables.append(f"## target: {target}\n\n" + _table(["setting", *CLASSES], rows))
    percent = covered * 100 // possible
    said = f"**{covered} of {possible} combinations of setting value, class and behaviour have a case ({percent} %).**"
    return said, tables


def _cell(
    one: Dimension, value: str, target: str, line_class: str, cases: dict[tuple[str, str, str, str], set[str]]
) -> str:
    if target not in one.targets or line_class not in one.classes:
        return "–"
    found = cases.get((one.name, value, target, line_class))
    return str(len(found)) if found else "·"


def _levels(lines: Sequence[CoveredLine]) -> str:
    cases: dict[tuple[str, Level], set[str]] = defaultdict(set)
    for line in lines:
        for key, level in line.levels.items():
            cases[(key, level)].add(line.case)
    pairs = [(key, level) for key in SETTING_KEYS for level in LEVELS]
    covered = sum(bool(cases.get(pair)) for pair in pairs)
    rows = [
        [f"`{key}`", *(str(len(cases[(key, level)])) if cases.get((key, level)) else "·" for level in LEVELS)]
        for key in SETTING_KEYS
    ]
    return (
        "## The level that gave a setting\n\n"
        f"**{covered} of {len(pairs)} pairs of setting and level have a case.** "
        "How levels stack is a property test over all settings at once (`billing_pipeline_tests/settings`).\n\n"
        + _table(["setting", *LEVELS], rows)
    )


def _fates(lines: Sequence[CoveredLine]) -> str:
    cases: dict[tuple[str, str], set[str]] = defaultdict(set)
    for line in lines:
        cases[(line.fate, line.line_class)].add(line.case)
    rows = [
        [fate, *(str(len(cases[(fate, name)])) if cases.get((fate, name)) else "·" for name in CLASSES)]
        for fate in FATES
    ]
    return "## Dispositions\n\n" + _table(["disposition", *CLASSES], rows)


def _reasons(lines: Sequence[CoveredLine]) -> str:
    cases: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        cases[line.reason.partition(":")[0]].add(line.case)
    rows = []
    for reason in REASONS:
        found = cases.get(reason.code)
        rows.append([f"`{reason.code}`", str(len(found)) if found else "·"])
    covered = sum(row[1] != "·" for row in rows)
    return f"## Reasons\n\n**{covered} of {len(rows)} reasons have a case.**\n\n" + _table(["reason", "cases"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    FILE.write_text(write_matrix(list(read_lines())), encoding="utf-8")
