"""Write docs/http.md anew: `python -m tests.api.write_reference`."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from backend.api import reference
from backend.app import create_app
from backend.settings import Settings
from backend.storage import open_repository
from tests.fakes import FakeJudge

DOCS = Path(__file__).parents[2] / "docs" / "http.md"


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        repository = open_repository(settings)
        app = create_app(settings, repository=repository, judge=FakeJudge())
        document = json.loads(
            app.test_client().get("/api/v1/openapi.json", base_url="http://localhost:8765").data
        )
        repository.close()
    DOCS.write_text(reference.render(document), encoding="utf-8")


if __name__ == "__main__":
    main()
