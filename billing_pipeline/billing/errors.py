"""The project's one family of errors: each says what is wrong, where, and what to do next."""


class BillingPipelineError(Exception):
    """Any error the pipeline explains itself. `exit_code` is what the command line returns."""

    exit_code = 1


class SettingsError(BillingPipelineError):
    """A setting, a settings file or an argument is wrong; nothing was started."""

    exit_code = 2


class NotReleasedYet(BillingPipelineError):
    """The distributor has not released the month's invoice: not the same as nothing to bill."""


class ServiceError(BillingPipelineError):
    """Pax8 or HaloPSA did not do what was asked."""


class CredentialsRefused(ServiceError):
    """A client id, secret, audience or tenant was refused."""


class PermissionMissing(ServiceError):
    """The credentials are right, but they may not read or write this resource."""


class ServiceUnreachable(ServiceError):
    """Network trouble or 5xx that outlasted the retries."""


class NotFound(ServiceError):
    """The service answers 404: it has no such thing, or the address is wrong."""


class TooManyRequests(ServiceUnreachable):
    """429 that outlasted the retries. `retry_after` are the seconds that the service asks for, None without advice."""

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class UnreadableAnswer(ServiceError):
    """A body that is not what the service's contract says: an HTML page, cut-off JSON, a wrong shape."""


class IncompleteInvoice(ServiceError):
    """The rows received do not prove complete: a count that differs, or an id that came twice."""


class NotWritten(ServiceError):
    """A write that surely did not happen. `status` is the HTTP status, None where no connection was made.

    `retry_after` are the seconds after which the service takes more requests, None where it does not say.
    """

    def __init__(self, status: int | None, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.retry_after = retry_after


class OutcomeUnknown(ServiceError):
    """A write of which nobody knows whether it happened: look, never try again."""


class SourceMutated(BillingPipelineError):
    """An invoice that the distributor said never changes has other content than before."""


class WarehouseError(BillingPipelineError):
    """The database file is damaged, of a newer version, or the disk is full."""


class RuleFailed(WarehouseError):
    """A rule in SQL failed on the data that it was given: not the fault of the file."""


class WarehouseLocked(WarehouseError):
    """Another process holds the database or the posting step; the text names it."""


class PostingRefused(BillingPipelineError):
    """A gate of the posting step is shut; nothing was written."""


class RangeError(BillingPipelineError):
    """The clients of a run differ from the clients asked for."""


class ApprovalRefused(BillingPipelineError):
    """A plan cannot be approved as it stands; no approval was recorded."""
