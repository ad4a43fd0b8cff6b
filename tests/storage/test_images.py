"""Kept pictures are whole or not there, under their hash and nowhere else."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from pathlib import Path

import pytest

from backend.errors import BadInput, OutOfSpace, StoreDamaged, StoreUnavailable
from backend.storage.images import ImageStore


def named(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def images(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


def test_bytes_come_back(images: ImageStore) -> None:
    """What was kept is read back, listed once, and gone when deleted."""
    pictures = {named(data): data for data in (b"one", b"two", b"")}
    for sha256, data in pictures.items():
        images.put(sha256, data)
        images.put(sha256, data)
    assert {sha256: images.get(sha256) for sha256 in images.hashes()} == pictures
    assert list(images.hashes()) == sorted(pictures)
    first = named(b"one")
    assert images.has(first)
    images.delete(first)
    images.delete(first)
    assert (images.has(first), images.get(first)) == (False, None)


def test_empty_store(images: ImageStore) -> None:
    """A store that nothing was put into reads as empty and makes no folder."""
    assert list(images.hashes()) == []
    assert images.get("0" * 64) is None
    images.delete("0" * 64)
    assert images.sweep() == 0


def test_private_modes(images: ImageStore, tmp_path: Path) -> None:
    """Folders are the owner's alone, and so are files."""
    images.put(named(b"x"), b"x")
    for path in (tmp_path / "images").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    assert stat.S_IMODE((tmp_path / "images").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "bad",
    ["", "ab", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 65, "0" * 63 + "/", "0" * 64 + "\n"],
)
def test_only_hashes_are_names(images: ImageStore, bad: str) -> None:
    """Anything but 64 hex digits is refused, so no name leads elsewhere."""
    for call in (images.get, images.has, images.delete, lambda name: images.put(name, b"")):
        with pytest.raises(BadInput):
            call(bad)


def test_wrong_hash_is_refused(images: ImageStore) -> None:
    """Bytes are not kept under the hash of others."""
    with pytest.raises(BadInput):
        images.put(named(b"one"), b"two")
    assert list(images.hashes()) == []


def test_damage_is_noticed_and_mended(images: ImageStore, tmp_path: Path) -> None:
    """A changed file is never handed out; putting the right bytes again mends it."""
    sha256 = named(b"picture")
    images.put(sha256, b"picture")
    (tmp_path / "images" / sha256[:2] / sha256).write_bytes(b"pictura")
    with pytest.raises(StoreDamaged):
        images.get(sha256)
    images.put(sha256, b"picture")
    assert images.get(sha256) == b"picture"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (errno.ENOSPC, OutOfSpace),
        (errno.EDQUOT, OutOfSpace),
        (errno.EIO, StoreUnavailable),
        (errno.EACCES, StoreUnavailable),
    ],
)
def test_disk_errors(
    images: ImageStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    error: type[Exception],
) -> None:
    """A disk that is full or fails is told apart; nothing is left behind, and later all is well."""

    def fail(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    sha256 = named(b"x")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(error):
            images.put(sha256, b"x")
    assert not images.has(sha256)
    assert [path for path in (tmp_path / "images").rglob("*") if path.is_file()] == []
    images.put(sha256, b"x")
    assert images.get(sha256) == b"x"


def test_leftovers_are_swept(images: ImageStore, tmp_path: Path) -> None:
    """Files that interrupted writes left are not pictures, and go when they are old."""
    images.put(named(b"x"), b"x")
    folder = tmp_path / "images" / named(b"x")[:2]
    (folder / ".partial-abc").write_bytes(b"half")
    assert list(images.hashes()) == [named(b"x")]
    assert images.sweep() == 0
    assert images.sweep(older_than_s=-1) == 1
    assert [path.name for path in folder.iterdir()] == [named(b"x")]


def age(folder: Path, data: bytes, seconds: float = 7200) -> None:
    """Make a kept picture older."""
    then = time.time() - seconds
    os.utime(folder / "images" / named(data)[:2] / named(data), (then, then))


def test_aged_pictures_are_listed_and_go(images: ImageStore, tmp_path: Path) -> None:
    """What was kept an hour ago is named and can go; what is younger is not and cannot."""
    for data in (b"old", b"new"):
        images.put(named(data), data)
    age(tmp_path, b"old")
    assert [digest for digests in images.aged() for digest in digests] == [named(b"old")]
    for data in (b"old", b"new", b"none"):
        images.delete_aged(named(data))
    assert list(images.hashes()) == [named(b"new")]
    assert images.sweep(older_than_s=-1) == 0


def test_a_picture_kept_anew_is_young_again(images: ImageStore, tmp_path: Path) -> None:
    """Whoever keeps the same bytes again has them, however old the file was."""
    images.put(named(b"x"), b"x")
    age(tmp_path, b"x")
    images.put(named(b"x"), b"x")
    images.delete_aged(named(b"x"))
    assert images.get(named(b"x")) == b"x"


def test_bytes_kept_while_they_are_deleted_stay(
    images: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that is put between the decision to delete it and the deletion is not lost."""
    images.put(named(b"x"), b"x")
    age(tmp_path, b"x")
    unlink = Path.unlink

    def put_first(path: Path, missing_ok: bool = False) -> None:
        images.put(named(b"x"), b"x")
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", put_first)
        images.delete_aged(named(b"x"))
    assert images.get(named(b"x")) == b"x"


def test_a_partial_file_that_vanishes_is_no_error(
    images: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that ends while leftovers are looked for does not stop the sweep."""
    images.put(named(b"x"), b"x")
    (tmp_path / "images" / named(b"x")[:2] / ".partial-abc").write_bytes(b"half")
    glob = Path.glob

    def vanishing(path: Path, pattern: str) -> list[Path]:
        found = list(glob(path, pattern))
        for each in found:
            each.unlink()
        return found

    monkeypatch.setattr(Path, "glob", vanishing)
    assert images.sweep(older_than_s=-1) == 0
