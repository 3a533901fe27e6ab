"""HaloPSA's refusals. Its error bodies come in five shapes, which differ by what refused."""

from typing import Any, Literal, TypeAlias

from starlette.responses import PlainTextResponse, Response

from billing_pipeline.sandbox.exact_json import ExactJSONResponse

Shape: TypeAlias = Literal["result", "exception", "message", "error", "text"]


class HaloError(Exception):
    """A request that is answered with an error instead of being done."""

    def __init__(self, status: int, text: str, shape: Shape = "result") -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.shape = shape

    def response(self) -> Response:
        """The answer that the client gets."""
        body = error_shape(self.text, self.shape)
        if isinstance(body, str):
            return PlainTextResponse(body, status_code=self.status)
        return ExactJSONResponse(body, status_code=self.status)


def error_shape(text: str, shape: Shape) -> Any:
    """The body of an error: an object, or plain text."""
    shapes: dict[Shape, Any] = {
        "result": {"resultCode": -1, "errorMessage": text},
        "exception": {"ClassName": "System.Exception", "Message": text},
        "message": {"Message": text},
        "error": {"error": text},
        "text": text,
    }
    return shapes[shape]


def error_body(status: int, path: str) -> Any:
    """The body that HaloPSA gives to an error of its own making at `path`, for ordered faults."""
    if path.lower().startswith("/auth/"):
        return error_shape("invalid_client" if status == 401 else "server_error", "error")
    by_status: dict[int, Any] = {
        400: error_shape("The request is invalid.", "message"),
        401: error_shape("Authorization has been denied for this request.", "message"),
        403: error_shape("You do not have permission to do this.", "exception"),
        404: error_shape("Not found", "exception"),
        429: "Too many requests. Please try again later.",
    }
    return by_status.get(status, error_shape("An error has occurred.", "message"))


def bad_request(text: str) -> HaloError:
    """A document that HaloPSA's rules refuse."""
    return HaloError(400, text, "result")


def unreadable(text: str) -> HaloError:
    """A body that does not fit the schema."""
    return HaloError(400, text, "message")


def not_found(resource: str, document_id: object) -> HaloError:
    """No document with this id."""
    return HaloError(404, f"{resource} {document_id} not found", "exception")
