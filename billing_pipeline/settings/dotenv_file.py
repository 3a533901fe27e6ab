"""The file `.env`: variables that are not in the environment itself."""

from collections.abc import Collection
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream

from billing_pipeline.settings.nearest import suggest


def read_dotenv(path: Path, known: Collection[str], prefixes: tuple[str, ...], problems: list[str]) -> dict[str, str]:
    """Return the known variables of the file; none where it does not exist.

    Nothing is expanded, for a secret may hold a dollar sign. Adds to `problems`, without any value: lines
    that cannot be read, names set twice, and unknown names that begin with one of `prefixes`.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problems.append(f"{path}:{line}: the file is not UTF-8 from here on: save it as UTF-8")
        return {}
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror}")
        return {}
    values: dict[str, str] = {}
    for binding in parse_stream(StringIO(text)):
        blank = len(binding.original.string) - len(binding.original.string.lstrip())
        line = binding.original.line + binding.original.string.count("\n", 0, blank)
        name = binding.key
        if binding.error:
            problems.append(f"{path}:{line}: cannot be read: write NAME=value, in quotes where it has spaces")
        elif name is None:
            continue
        elif name in known:
            if name in values:
                problems.append(f"{path}:{line}: {name} stands twice: leave one")
            values[name] = binding.value or ""
        elif name.startswith(prefixes):
            problems.append(f"{path}:{line}: {name}: unknown variable; {suggest(name, known)}")
    return values
