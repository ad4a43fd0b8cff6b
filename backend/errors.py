"""One small tree of errors in the domain's words; none knows HTTP.

Each class has a stable `code`. `api/problems.py` alone turns them into HTTP, `cli.py` into
one line on stderr.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BrushmarkError(Exception):
    """Something a person can be told: what happened and what to do next."""

    code = "error"


class BadInput(BrushmarkError):
    """The request or an option is not of the right form."""

    code = "malformed"


class UnknownField(BadInput):
    """A field or an option nobody knows."""

    code = "unknown_field"

    def __init__(self, name: str, known: Iterable[str], what: str = "field") -> None:
        near = difflib.get_close_matches(name, list(known), n=1)
        hint = f" Did you mean “{near[0]}”?" if near else ""
        super().__init__(f"There is no {what} “{name}”.{hint}")


class Unauthenticated(BrushmarkError):
    """No token, or one nobody knows."""

    code = "unauthenticated"


class Forbidden(BrushmarkError):
    """The token's scope does not reach that far."""

    code = "forbidden"


class HostRefused(Forbidden):
    """The request names a host that is not ours."""

    code = "host_refused"


class NotFound(BrushmarkError):
    """No such thing."""

    code = "not_found"


class Conflict(BrushmarkError):
    """It was already done, or something stands in its way."""

    code = "conflict"


class NothingToExport(Conflict):
    """No reviewed picture passes the filter."""

    code = "nothing_to_export"


class WorseThanServed(Conflict):
    """A model version that is worse than the one that is served."""

    code = "worse_than_served"


class TooLarge(BrushmarkError):
    """More bytes or pixels than we take."""

    code = "too_large"


class UnsupportedType(BrushmarkError):
    """No picture format that we read."""

    code = "unsupported_type"


class UndecodableImage(BrushmarkError):
    """It says it is a picture and cannot be read as one."""

    code = "undecodable_image"


class UrlRefused(BadInput):
    """An address that we do not fetch from."""

    code = "url_refused"


class UrlUnreachable(BadInput):
    """An address from which no picture could be had."""

    code = "url_unreachable"

    def __init__(
        self, message: str, status: int | None = None, retry_after: str | None = None
    ) -> None:
        """Say what happened; `status` and `retry_after` are the answer's, where there was one."""
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class SlowDown(BrushmarkError):
    """Too many requests from one place."""

    code = "slow_down"

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unavailable(BrushmarkError):
    """Not now."""

    code = "unavailable"
    retry_after_s: int = 5


class Busy(Unavailable):
    """The work queue is full."""

    code = "busy"
    retry_after_s = 1


class NoModel(Unavailable):
    """No weights to judge with."""

    code = "no_model"
    retry_after_s = 60


class WeightsMissing(NoModel):
    """The weights that were asked for are not there."""

    code = "weights_missing"


class WeightsDamaged(NoModel):
    """A file of the weights is not the one its card names."""

    code = "weights_damaged"


class OutOfSpace(BrushmarkError):
    """The disk is full."""

    code = "out_of_space"


class StoreUnavailable(Unavailable):
    """The store cannot be read or written at the moment."""

    code = "store_unavailable"


class StoreDamaged(StoreUnavailable):
    """The store holds bytes that it did not write."""

    code = "store_damaged"
    retry_after_s = 60


class AlreadyRunning(Conflict):
    """Another backend serves this home, or the port is taken."""

    code = "already_running"


class BadSetting(BrushmarkError):
    """A setting in the environment that cannot be followed."""

    code = "bad_setting"


class BadManifest(BrushmarkError):
    """A data manifest that cannot be trained on."""

    code = "bad_manifest"


class BadRun(BrushmarkError):
    """A training run that cannot be resumed or released."""

    code = "bad_run"


class MissingExtra(BrushmarkError):
    """Something that needs an optional part of the installation."""

    code = "missing_extra"
