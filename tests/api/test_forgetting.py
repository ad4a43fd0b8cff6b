"""Forgetting over HTTP: erased at once, from memory too, and refused where it is not clear what."""

from __future__ import annotations

from collections.abc import Callable

from backend.settings import KeepImages
from tests.api.harness import API, Wired, problem
from tests.exporting.homes import drawn


def test_a_site_is_forgotten(wired_with: Callable[..., Wired]) -> None:
    """Records of a site go, and a check of the same bytes is judged anew, not from memory."""
    wired = wired_with(keep_images=KeepImages.ALL, keep_addresses=True)
    headers = wired.token()
    for number in range(4):
        site = f"https://{'secret' if number < 2 else 'other'}.example/x"
        wired.check(headers, drawn(number), page_url=site)
    judged = wired.judge.calls
    answer = wired.client.post(f"{API}/forget", json={"site": "secret.example"}, headers=headers)
    assert answer.status_code == 200
    assert (answer.json["records"], answer.json["pictures"], answer.json["clean"]) == (2, 2, True)
    assert wired.logged() == 2
    wired.check(headers, drawn(0))
    wired.check(headers, drawn(3))
    assert wired.judge.calls == judged + 1


def test_what_is_not_clear_is_refused(wired: Wired) -> None:
    """Nothing, two things, an unknown thing or no moment are refused, and nothing goes."""
    headers = wired.token()
    wired.check(headers)
    for body in ({}, {"site": "a", "client": "b"}, {"before": "long ago"}, {"site": " "}):
        answer = wired.client.post(f"{API}/forget", json=body, headers=headers)
        problem(answer, 400, "malformed")
    unknown = wired.client.post(f"{API}/forget", json={"page": "a"}, headers=headers)
    problem(unknown, 400, "unknown_field")
    assert wired.logged() == 1
