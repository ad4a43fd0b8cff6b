"""Real files are read as what is known of them says."""

from __future__ import annotations

import json

import pytest

from backend.domain import Evidence, Policy
from backend.imaging.decode import decode
from backend.imaging.provenance.ledger import shipped_ledger
from backend.verdict import Weight, decide, weight
from tests.fakes import FakeJudge
from tests.pictures import SHARED

FOLDER = SHARED / "fixtures" / "provenance"
EXPECTED = FOLDER / "expected.json"
FILES = sorted(
    name
    for name in (json.loads(EXPECTED.read_text()) if EXPECTED.is_file() else {})
    if not name.startswith("_")
)
POLICY: Policy = FakeJudge().policy


def findings(name: str) -> tuple[Evidence, ...]:
    """Read a file with the trust list that ships."""
    data = (FOLDER / name).read_bytes()
    return shipped_ledger().read(data, decode(data).image)


@pytest.mark.parametrize("name", FILES)
def test_real_files(name: str) -> None:
    """Kind, status, label and tool of each real file are as expected, and the verdict follows."""
    wanted = json.loads(EXPECTED.read_text())[name]
    rows = findings(name)
    (row,) = [row for row in rows if row.kind == wanted["kind"]]
    assert row.status.value in wanted["status"]
    assert row.label == wanted["label"]
    assert wanted.get("tool", "") in row.detail
    verdict = decide(None, rows, POLICY, refusal="Too small.")
    assert (verdict.outcome == "ai_generated") == (wanted["label"] == "ai_generated")
    assert (max(map(weight, rows)) > Weight.WEIGHS) == (wanted["label"] == "ai_generated")


@pytest.mark.skipif("openai-c2pa.png" not in FILES, reason="no real files beside this checkout")
def test_the_shipped_trust_list_knows_a_real_signer() -> None:
    """A picture that its maker signed under the C2PA programme is verified, not just declared."""
    assert findings("openai-c2pa.png")[0].status == "verified"
