"""The project as whoever clones it has it, with the environment that these tests run in."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]


def copy_project(folder: Path) -> Path:
    """Copy what git tracks, and nothing that lies about, into `folder`; there is nothing left to install there."""
    listing = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    tracked = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode == 0:
        for name in filter(None, tracked.stdout.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
    else:
        # An unpacked archive has no list of what belongs to it.
        shutil.copytree(ROOT, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*cache*", ".venv", "data"))
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def start_make(environment: Mapping[str, str], folder: Path, *words: str) -> "subprocess.Popen[str]":
    """Start make in a copy of the project; the environment there counts as installed, and the copy's code is run."""
    # As a person types it, though these tests may themselves have been started by make.
    typed = {name: value for name, value in environment.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    return subprocess.Popen(
        ["make", "--old-file=.venv/.installed", *words],
        cwd=folder,
        env={**typed, "PYTHONPATH": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
