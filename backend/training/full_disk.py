"""One clear line where the disk is full, whichever library noticed it."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from backend.errors import OutOfSpace

_WORDS = ("No space left", "Not enough free space")
_TORCH_WRITER = "inline_container"
_FULL_BELOW_BYTES = 1024 * 1024
"""Free space at which a failed write needs no other explanation."""


@contextmanager
def told_when_full(folder: Path) -> Iterator[None]:
    """Turn any library's failure to write into a folder on a full disk into `OutOfSpace`.

    Python says ENOSPC and safetensors repeats the system's words in an error of its own; numpy and
    torch only say that less was written than there was, so that the disk is asked.
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        if not _is_full(error, folder):
            raise
        raise OutOfSpace(
            f"The disk is full. Make room and start the same command again: {folder} goes on from "
            "what was last written whole."
        ) from error


def _is_full(error: Exception, folder: Path) -> bool:
    said = str(error)
    if getattr(error, "errno", None) == errno.ENOSPC or any(words in said for words in _WORDS):
        return True
    stumbled = _TORCH_WRITER in said or (isinstance(error, OSError) and error.errno is None)
    return stumbled and shutil.disk_usage(_existing(folder)).free < _FULL_BELOW_BYTES


def _existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.absolute().parents) if each.exists())
