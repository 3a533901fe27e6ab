"""The file that the page is written to: whole or not at all, with the rights that the user's umask gives."""

import os
from contextlib import suppress
from pathlib import Path

from billing_pipeline.billing.errors import BillingPipelineError, SettingsError


def check_page_file(file: Path) -> None:
    """Raise SettingsError where no page can be written to `file`, before anything is read."""
    if file.is_dir():
        raise SettingsError(f"{file} is a folder: name a file in it, as in --html {file / 'review.html'}.")
    if file.exists() and not file.is_file():
        raise SettingsError(f"{file} is no ordinary file: name one, as in --html review.html.")
    if not file.absolute().parent.is_dir():
        raise SettingsError(f"There is no folder {file.absolute().parent}: make it first, or name another file.")


def write_page(file: Path, page: str) -> None:
    """Put `page` in the place of `file` at once: a reader sees the old page or the new one.

    Raises BillingPipelineError where the folder cannot be written or the disk is full; the old page stays then.
    """
    target = file.resolve()
    draft = target.with_name(f".{target.name[:100]}.{os.getpid()}.draft")
    try:
        with draft.open("x", encoding="utf-8") as stream:
            stream.write(page)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(target)
    except OSError as error:
        raise BillingPipelineError(
            f"The page could not be written to {target}: {error.strerror or error}. "
            "Free some space, correct the rights of the folder, or name another file."
        ) from error
    finally:
        with suppress(OSError):
            draft.unlink()
