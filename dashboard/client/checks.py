"""Have pictures judged."""

from __future__ import annotations

import base64
import binascii

from dashboard.client.failures import strange
from dashboard.client.transport import API, Client, Json


def check(client: Client, name: str, data: bytes) -> Json:
    """Have a picture judged; return its prediction record.

    Raises:
        Failure: it could not be judged.
    """
    answer = client.send(
        "POST",
        f"{API}/check",
        files={"image": (name, data)},
        data={"source": "dashboard", "heatmap": "true"},
    )
    try:
        record: Json = answer.json()
    except ValueError:
        raise strange(answer) from None
    return record


def check_url(client: Client, url: str) -> Json:
    """Have the backend fetch a picture and judge it. Raises `Failure`."""
    return client.post("/check", {"url": url, "source": "dashboard", "heatmap": True})


def heatmap(client: Client, record: Json) -> bytes | None:
    """Return the transparent PNG of a record's heat map; None where it has none.

    Raises:
        Failure: there is one, but it could not be had.
    """
    address = record.get("heatmap")
    if not isinstance(address, str):
        return None
    if address.startswith("data:"):
        try:
            return base64.b64decode(address.partition(",")[2], validate=True)
        except binascii.Error:
            return None
    return client.send("GET", address).content
