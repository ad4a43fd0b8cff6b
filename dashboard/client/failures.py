"""Why there is no answer, in the words of the person in front of the page."""

from __future__ import annotations

from collections.abc import Mapping

import requests


class Failure(Exception):
    """Why there is no answer, and what the person in front of the page can do."""

    def __init__(
        self, what: str, advice: str, worth_retrying: bool = False, code: str = ""
    ) -> None:
        super().__init__(f"{what} {advice}".strip())
        self.what = what
        self.advice = advice
        self.worth_retrying = worth_retrying
        self.code = code
        """The stable code of the backend's problem document; empty where there was none."""


START = "Start it with `brushmark up` (or `brushmark serve`), then try again."
ODD = (
    "The backend answers in a way that this dashboard does not understand.",
    "They are of different versions: stop both and start them together with `brushmark up`.",
    True,
)
ADVICE: Mapping[str, tuple[str, str, bool]] = {
    "unauthenticated": (
        "The backend does not accept this dashboard's token.",
        "Stop both and start them together with `brushmark up`; that makes a new token.",
        True,
    ),
    "host_refused": (
        "The backend does not answer to this name.",
        "Add the host to BRUSHMARK_TRUSTED_HOSTS and restart.",
        False,
    ),
    "busy": ("The backend is busy.", "Wait a few seconds, then try again.", True),
    "slow_down": ("That was a lot at once.", "Wait a minute, then try again.", True),
    "no_model": (
        "The backend has no model to judge with.",
        "Get a release of the weights, then restart it.",
        True,
    ),
    "out_of_space": (
        "The disk is full, so this could not be kept.",
        "Make room, then try again.",
        True,
    ),
    "forbidden": (
        "You may not do this here.",
        "Ask whoever runs this Brushmark for a role that may.",
        False,
    ),
    "too_large": (
        "This file is too large.",
        "Files of up to 20 MB and 50 megapixels are taken; save a smaller copy.",
        False,
    ),
    "unsupported_type": (
        "This is no picture that Brushmark reads.",
        "Use a JPEG, PNG, WebP, GIF or AVIF file.",
        False,
    ),
    "undecodable_image": (
        "This picture is damaged or incomplete.",
        "Download or export it again, then drop the new file.",
        False,
    ),
}


def failure_of(answer: requests.Response) -> Failure:
    """Turn a refusal into what happened and what to do."""
    try:
        problem = answer.json()
        code, detail = str(problem["code"]), str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        return strange(answer)
    if code in {"weights_missing", "weights_damaged"}:
        code = "no_model"
    if code in ADVICE:
        return Failure(*ADVICE[code], code)
    return Failure(detail, "", answer.status_code >= 500, code)


def strange(answer: requests.Response) -> Failure:
    """Say that what answers is none of ours."""
    return Failure(
        f"Something else than Brushmark answers at {answer.url.partition('/api/')[0]} "
        f"(status {answer.status_code}).",
        "Check BRUSHMARK_PORT, or stop the other program, then start `brushmark up`.",
        True,
    )
