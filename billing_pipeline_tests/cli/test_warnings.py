"""Which warnings reach the log: what a library will take away, and not each feature that is still in beta."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest

WARN = """
import sys, warnings
from pathlib import Path
from billing_pipeline.commands.log_file import open_log
open_log(Path(sys.argv[1]))
for text, kind in (
    ("`old_way` is deprecated and will be removed in 2.0", DeprecationWarning),
    ("Parameter `backfill_policy` is currently in beta, and may have breaking changes in minor versions", Warning),
    ("`other_way` is superseded and its usage is discouraged", FutureWarning),
):
    warnings.warn_explicit(text, kind, "charges.py", 1, module="billing_pipeline.assets.charges")
"""


def test_what_a_library_will_take_away_is_in_the_log(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", WARN, str(tmp_path)], check=True)
    log = (tmp_path / "billing-pipeline.log").read_text()
    assert "old_way" in log
    assert "other_way" in log
    assert "backfill_policy" not in log


def test_a_deprecated_call_of_ours_fails_its_test() -> None:
    with pytest.raises(DeprecationWarning, match="old_way"):
        warnings.warn_explicit(
            "`old_way` is deprecated", DeprecationWarning, "charges.py", 1, module="billing_pipeline.assets.charges"
        )
