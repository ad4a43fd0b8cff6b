"""Zip the extension for Chromium and for Firefox, and lint the latter: `make extension`."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

from tests.extension.nodes import npx

EXTENSION = Path(__file__).parents[2] / "extension"
SHIPPED = ("_locales", "background", "background.js", "content", "icons", "lib", "pages")
WEB_EXT = "web-ext@10"
EPOCH = (2020, 1, 1, 0, 0, 0)
"""Equal files make equal zips, whenever they are made."""


def manifest_for(browser: str) -> dict[str, Any]:
    """Leave out of the one manifest what the other browser alone understands."""
    manifest: dict[str, Any] = json.loads((EXTENSION / "manifest.json").read_text("utf-8"))
    if browser == "firefox":
        del manifest["background"]["service_worker"]
        del manifest["minimum_chrome_version"]
        del manifest["side_panel"]
        manifest["permissions"].remove("sidePanel")
    else:
        del manifest["background"]["scripts"]
        del manifest["browser_specific_settings"]
        del manifest["sidebar_action"]
    return manifest


def build(browser: str, folder: Path) -> Path:
    """Write the zip for a browser and return where it lies."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"brushmark-{manifest_for(browser)['version']}-{browser}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        _write(archive, "manifest.json", json.dumps(manifest_for(browser), indent=2).encode())
        for path in sorted(p for name in SHIPPED for p in _files(EXTENSION / name)):
            _write(archive, path.relative_to(EXTENSION).as_posix(), path.read_bytes())
    return target


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]


def _write(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, data)


def main(folder: Path) -> int:
    """Build both zips; lint Firefox's with `web-ext`."""
    targets = [build(browser, folder) for browser in ("chromium", "firefox")]
    print(*targets, sep="\n")
    return npx(WEB_EXT, "lint", "--warnings-as-errors", "--source-dir", targets[1])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
