"""The two things that can be wrong with a call."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

__all__ = ["FieldProblem", "RefusedError", "UnavailableError", "VestnikError"]


class FieldProblem(BaseModel):
    """One mistake: `field` is a path such as `recipients[3].email`."""

    model_config = ConfigDict(frozen=True)

    field: str
    message: str


class VestnikError(Exception):
    """The base. `status` is that of HTTP, None where no reply came; `request_id` is the number to quote to the
    service's operators."""

    def __init__(
        self,
        detail: str,
        *,
        status: int | None = None,
        errors: Sequence[FieldProblem] = (),
        request_id: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.errors = tuple(errors)
        self.request_id = request_id


class RefusedError(VestnikError):
    """Permanent: the call is wrong and `errors` names each bad field, or the thing is not there, or it forbids this, or
    what answers at this address is not the service. Nothing was done."""


class UnavailableError(VestnikError):
    """Retryable: whether it was done is not known. The same `idempotency_key` asks again and does nothing twice; of a
    PUT, PATCH or DELETE with a `status` below 500 read the thing first: an earlier try may have done it.
    `retry_after_seconds` is what the service asked to wait, where it did."""

    def __init__(
        self,
        detail: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(detail, status=status, request_id=request_id)
        self.retry_after_seconds = retry_after_seconds
