"""Where warnings, Dagster's own words and tracebacks go: a file, and never the clerk's terminal."""

import logging
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path

LOG_NAME = "billing-pipeline.log"
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _RedactingFormatter(logging.Formatter):
    """Takes secrets out of everything that is written, tracebacks too."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # It comes with all of HTTP, which --help must not wait for.
        from billing_pipeline.resources.failures import Redactor

        super().__init__(_FORMAT)
        self._redactor = Redactor(*secrets)

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.clean(super().format(record))


class _LazyFile(logging.FileHandler):
    """A log file that is made, with its folder, when there is something to write."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, delay=True, encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        try:
            Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
            super().emit(record)
        except OSError:
            # A log that cannot be written must not stop the work.
            self.handleError(record)


def open_log(folder: Path | None = None, secrets: Iterable[str] = ()) -> None:
    """Send all logging and warnings of this process to the log file in `folder` (None: the temporary folder)."""
    known = [secret for secret in secrets if secret]
    handler = _LazyFile((folder or _temporary_folder()) / LOG_NAME)
    handler.setFormatter(_RedactingFormatter(known) if known else logging.Formatter(_FORMAT))
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _LazyFile)]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    # Dagster announces each of its beta features at every start; what it will take away is news, and goes to the log.
    warnings.filterwarnings("default", category=DeprecationWarning, module="billing_pipeline")
    warnings.filterwarnings("ignore", message=".* is currently in (beta|preview), and may have breaking changes")


def log_path() -> Path:
    """The log file in use."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _LazyFile):
            return Path(handler.baseFilename)
    return _temporary_folder() / LOG_NAME


def _temporary_folder() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except OSError:  # none can be written, as on a full disk
        return Path.cwd()
