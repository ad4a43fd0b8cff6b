"""Checking: one picture, many, or bytes seen before."""

from __future__ import annotations

import logging
from dataclasses import replace

from flask import Blueprint

from backend.api import presenting, schemas
from backend.api.context import api, caller, service
from backend.api.operations import operation
from backend.api.problems import describe
from backend.api.uploads import MAX_BATCH_BYTES, MAX_CHECK_BYTES, read_batch, read_upload
from backend.domain import Context, Scope
from backend.errors import (
    Busy,
    NoModel,
    OutOfSpace,
    TooLarge,
    UndecodableImage,
    UnsupportedType,
    UrlRefused,
    UrlUnreachable,
)

log = logging.getLogger(__name__)
checks = Blueprint("checks", __name__)

_REFUSALS = (TooLarge, UnsupportedType, UndecodableImage, Busy, NoModel, OutOfSpace)


@checks.post("/check")
@operation(
    scope=Scope.CHECK,
    visitors=True,
    query=schemas.CheckOptions,
    uploads={
        "multipart/form-data": schemas.CheckForm,
        "application/json": schemas.CheckUrl,
        "image/*": None,
        "application/octet-stream": None,
    },
    answers=schemas.Prediction,
    raises=(*_REFUSALS, UrlRefused, UrlUnreachable),
    max_body_bytes=MAX_CHECK_BYTES,
)
def check(query: schemas.CheckOptions) -> schemas.Prediction:
    """Judge a picture.

    Send the original bytes: as the form field `image`, as a raw body of type image/*, or as
    JSON with the address of a picture for the server to fetch. Options go beside it as form
    fields or JSON fields, or as query parameters. The answer is the prediction record. It is
    in the log unless `log` is false; visitors of a public server are never logged, whatever
    `log` says, and cannot have addresses fetched.
    """
    data, options = read_upload(query)
    if data is None:
        if caller().scope is None:
            raise UrlRefused("Visitors cannot have addresses fetched; send the picture itself.")
        url = getattr(options, "url")  # noqa: B009 - only CheckUrl comes without bytes
        data = service().fetch_image(url)
        if options.image_url is None:
            options = options.model_copy(update={"image_url": url})
    return _check(data, options)


@checks.post("/check/batch")
@operation(
    scope=Scope.CHECK,
    query=schemas.CheckOptions,
    uploads={"multipart/form-data": schemas.BatchForm},
    answers=schemas.BatchResult,
    raises=_REFUSALS,
    max_body_bytes=MAX_BATCH_BYTES,
)
def check_batch(query: schemas.CheckOptions) -> schemas.BatchResult:
    """Judge up to 64 pictures.

    Each part named `image` gets one record or one problem, in order; the options are for all
    of them. A picture has at most 20 MB, all of them together at most 64 MB.
    """
    pictures, options = read_batch(query)
    service().require_judge()
    return schemas.BatchResult(results=[_check_one(data, options) for data in pictures])


def _check_one(data: bytes, options: schemas.CheckOptions) -> schemas.BatchHit | schemas.BatchMiss:
    try:
        return schemas.BatchHit(record=_check(data, options))
    except Exception as error:  # one picture's failure must not take the others' answers along
        answer = describe(error)
        if answer.problem.status == 500:
            log.exception("unforeseen error in a batch")
        return schemas.BatchMiss(problem=answer.problem)


def _check(data: bytes, options: schemas.CheckOptions) -> schemas.Prediction:
    who = caller()
    context = Context(options.source, options.page_url, options.image_url, options.page_title)
    keep_log = options.log and who.scope is not None
    checked = service().check_image(data, context, who.client, keep_log=keep_log)
    if who.scope is None:  # who reviewed and what they noted is not for visitors
        checked = replace(checked, review=None, similar=None)
    api().metrics.count_check(checked.record.verdict.outcome)
    return presenting.prediction(checked, inline_heatmap=options.heatmap)


@checks.post("/lookup")
@operation(scope=Scope.CHECK, body=schemas.LookupQuestion, answers=schemas.LookupAnswer)
def lookup(body: schemas.LookupQuestion) -> schemas.LookupAnswer:
    """Look up bytes seen before.

    Takes up to 256 SHA-256 of original files and answers, for each that is in the log, the
    newest verdict and the review: without context, client or id. Where the bytes have no
    review, that of a picture that looks alike comes as a hint; the verdict is never another's.
    """
    found = service().lookup(list(dict.fromkeys(body.sha256)))
    return schemas.LookupAnswer(
        results={digest: presenting.known_verdict(known) for digest, known in found.items()}
    )
