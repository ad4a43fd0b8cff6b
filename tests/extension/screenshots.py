"""Take the pictures of the card that README shows: `python -m tests.extension.screenshots DIR`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from backend.settings import Settings
from tests.dashboard.screenshots import PHOTOGRAPH
from tests.extension.browser import Extended, extended, unpack
from tests.extension.conftest import backend_at, pair
from tests.extension.site import Site, serving_sites

BODY = "<style>body{{font:16px system-ui;margin:28px;color-scheme:light dark}}</style><img src={}>"


def main(folder: Path) -> None:
    """Write card-light.png and card-dark.png into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work, serving_sites() as site:
        root = Path(work)
        unpacked = unpack(root / "extension")
        with (
            backend_at(Settings(home=root / "home", port=0)) as backend,
            extended(unpacked, root / "profile", site.port) as browser,
        ):
            pair(browser, backend)
            for scheme in ("light", "dark"):
                take(browser, site, scheme, folder)


def take(browser: Extended, site: Site, scheme: str, folder: Path) -> None:
    """Check the photograph and take the page once its verdict is there."""
    picture = site.picture(PHOTOGRAPH.read_bytes(), "/flower.jpg")
    page = browser.open(site.page(BODY.format(picture), "/flower"))
    page.set_viewport_size({"width": 1080, "height": 500})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    browser.menu(page, mediaType="image", srcUrl=picture)
    browser.card(page).verdict()
    page.screenshot(path=folder / f"card-{scheme}.png")
    page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
