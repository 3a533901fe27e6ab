"""Settings folders in a git work tree, committed by made-up people."""

import os
import subprocess
from pathlib import Path


def commit_all(folder: Path, author: str, mail: str, day: str = "2026-10-01") -> None:
    """Commit everything in the folder, which becomes a work tree if it is none."""
    person = {"NAME": author, "EMAIL": mail, "DATE": f"{day}T12:00:00Z"}
    variables = {f"GIT_{role}_{name}": value for role in ("AUTHOR", "COMMITTER") for name, value in person.items()}
    environment = {**os.environ, **variables, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "settings")):
        subprocess.run(["git", "-C", str(folder), *words], env=environment, check=True)
