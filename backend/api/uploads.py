"""Read the pictures that a request brings, however it brings them."""

from __future__ import annotations

from collections.abc import Iterator

from flask import request
from werkzeug.datastructures import FileStorage

from backend.api.reading import merge, read_fields, read_json
from backend.api.schemas import MAX_BATCH, CheckOptions, CheckUrl
from backend.errors import BadInput, TooLarge, UnknownField, UnsupportedType
from backend.imaging.decode import MAX_BYTES

_FORM = "multipart/form-data"
_FRAMING_BYTES = 128 * 1024
MAX_CHECK_BYTES = MAX_BYTES + _FRAMING_BYTES
"""A picture of 20 MB, and the form fields around it."""
MAX_BATCH_BYTES = 64 * 1024 * 1024 + _FRAMING_BYTES
"""64 MB of pictures in one request, and the form fields around them."""


def read_upload(query: CheckOptions) -> tuple[bytes | None, CheckOptions]:
    """Return the picture's bytes, or None where it is to be fetched, and the options.

    Raises:
        BadInput, UnknownField: no picture, or fields that will not do.
        UnsupportedType: a content type that brings no picture.
    """
    kind = request.mimetype
    if kind == _FORM:
        options = _form_options(query)
        files = _files()
        if len(files) > 1:
            raise BadInput("“image” is given more than once; /check/batch takes many.")
        return _read(files[0]), options
    if kind == "application/json":
        return None, merge(read_json(CheckUrl), query)
    if kind.startswith("image/") or kind == "application/octet-stream":
        return request.get_data(cache=False), query
    raise UnsupportedType(
        "Send the picture as the form field “image”, as a raw image/* body, or its address as "
        'JSON {"url": …}.'
    )


def read_batch(query: CheckOptions) -> tuple[Iterator[bytes], CheckOptions]:
    """Return the bytes of each picture, in order, and the options.

    Raises:
        BadInput, UnknownField, TooLarge, UnsupportedType: as `read_upload`; over 64 pictures.
    """
    if request.mimetype != _FORM:
        raise UnsupportedType("Send the pictures as form parts named “image”.")
    options = _form_options(query)
    files = _files()
    if len(files) > MAX_BATCH:
        raise TooLarge(f"{len(files)} pictures are too many: at most {MAX_BATCH} in one request.")
    return map(_read, files), options


def _form_options(query: CheckOptions) -> CheckOptions:
    # A part is a file where it has a file name; browsers and libraries always give one.
    if "image" in request.form:
        raise BadInput("Send “image” as a file, with a file name.")
    return merge(read_fields(CheckOptions, request.form), query)


def _files() -> list[FileStorage]:
    for name in request.files:
        if name != "image":
            raise UnknownField(name[:64], ["image"], what="file")
    files = request.files.getlist("image")
    if not files:
        raise BadInput("There is no picture in this request: send it as the form field “image”.")
    return files


def _read(file: FileStorage) -> bytes:
    return file.stream.read(MAX_BYTES + 1)
