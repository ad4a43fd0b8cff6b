"""Judge many pictures on every core, and show the verdicts in the order they were asked for."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track

from backend.cli import failures
from backend.cli.heatmaps import HeatmapFolder
from backend.cli.inputs import Input, gather
from backend.cli.render import evidence_lines, plain_line, print_evidence, print_table
from backend.domain import (
    Context,
    Policy,
    PredictionRecord,
    Review,
    Source,
)
from backend.errors import BadInput, BrushmarkError
from backend.imaging.decode import decode
from backend.imaging.provenance.ledger import Ledger
from backend.judging import judge_bytes, ledger_of
from backend.model.judge import Judge
from backend.model.processor import usable_cores
from backend.report.compose import compose
from backend.service import Checked, Service
from backend.settings import Settings
from backend.storage.repository import Repository
from backend.wire import record_to_json

CLIENT = "cli"
MANY = 12
"""From so many pictures on a progress bar is shown."""

Checker = Callable[[bytes, Context], Checked]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one input: a record with its bytes' review and heat map, or an error."""

    input: Input
    record: PredictionRecord | None = None
    review: Review | None = None
    heatmap: Path | None = None
    error: BrushmarkError | OSError | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """In which form the answers are printed."""

    as_json: bool = False
    with_evidence: bool = False


@dataclass(frozen=True, slots=True)
class Bench:
    """What pictures are judged with."""

    check: Checker
    judge: Judge
    policy: Policy


@dataclass(frozen=True, slots=True)
class Files:
    """What is written beside the answers."""

    maps: HeatmapFolder | None = None
    report: Path | None = None


def check_all(
    arguments: Iterable[str],
    output: Output,
    *,
    heatmap_folder: Path | None,
    report: Path | None = None,
    keep_log: bool,
) -> bool:
    """Judge what the arguments name and print it; say whether everything could be judged.

    Raises:
        BadInput: a report is asked for, and it is more than one picture.
        NoModel, BadSetting, StoreUnavailable: nothing can be judged at all.
    """
    settings = Settings.from_env()
    inputs, complaints = gather(arguments)
    for complaint in complaints:
        failures.tell(str(complaint))
    if not inputs:
        return False
    if report is not None and len(inputs) != 1:
        raise BadInput(f"A report is about one picture, and that folder holds {len(inputs)}.")
    files = Files(HeatmapFolder(heatmap_folder) if heatmap_folder else None, report)
    with open_bench(settings, keep_log) as bench:
        answers = judge_each(inputs, lambda item: _answer(item, settings, bench, files))
        shown = _show(answers, len(inputs), output)
    return shown and not complaints


@contextmanager
def open_bench(settings: Settings, keep_log: bool) -> Iterator[Bench]:
    """Load the model, and the home's store where it is needed or there.

    The thresholds are those published in the home's store, if it has one: the command line
    must not contradict the badge.
    """
    from backend.model.registry import load_judge
    from backend.storage import open_repository
    from backend.storage.images import ImageStore

    with ExitStack() as stack:
        judge = load_judge(settings)
        stack.callback(judge.close)
        ledger = ledger_of(settings)
        if not keep_log and not settings.store_path.exists():
            yield Bench(_unlogged(judge, judge.policy, ledger), judge, judge.policy)
            return
        settings.prepare_home()
        repository = open_repository(settings)
        stack.callback(repository.close)
        policy = repository.latest_policy() or judge.policy
        if keep_log:
            slots = usable_cores()
            images = ImageStore(settings.images_path)
            service = Service(settings, repository, images, judge, slots=slots)
            yield Bench(partial(service.check_image, client=CLIENT), judge, policy)
        else:
            yield Bench(_unlogged(judge, policy, ledger, repository), judge, policy)


def _unlogged(
    judge: Judge, policy: Policy, ledger: Ledger, repository: Repository | None = None
) -> Checker:
    def checker(data: bytes, context: Context) -> Checked:
        started = time.perf_counter()
        judged = judge_bytes(data, judge, policy, ledger)
        record = judged.record(CLIENT, context, (time.perf_counter() - started) * 1000)
        digest = record.image.sha256
        review = repository.latest_reviews([digest]).get(digest) if repository else None
        return Checked(record, judged.activation, review, appeals=0, logged=False)

    return checker


def _answer(item: Input, settings: Settings, bench: Bench, files: Files) -> Answer:
    try:
        if item.is_remote and not settings.url_fetch:
            raise BadInput("fetching by address is off (BRUSHMARK_URL_FETCH).")
        data = item.read()
        context = Context(source=Source.CLI, image_url=item.address)
        checked = bench.check(data, context)
        path = None
        if files.maps is not None and checked.activation is not None:
            path = files.maps.write(item.stem, decode(data).image, checked.activation)
        if files.report is not None:
            page = compose(
                checked.record,
                data=data,
                activation=checked.activation,
                review=checked.review,
                judge=bench.judge,
                policy=bench.policy,
            )
            files.report.write_text(page, encoding="utf-8")
        # What the log leaves out (addresses) the one who asked knows anyway.
        return Answer(item, replace(checked.record, context=context), checked.review, path)
    except (BrushmarkError, OSError) as error:
        return Answer(item, error=error)


def judge_each(inputs: list[Input], answer: Callable[[Input], Answer]) -> Iterator[Answer]:
    """Answer every input on as many threads as there are cores; yields in order.

    A few wait ahead, so that a folder of any size takes a bounded amount of memory.
    """
    threads = usable_cores()
    pending: deque[Future[Answer]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for item in inputs:
            pending.append(pool.submit(answer, item))
            if len(pending) >= 4 * threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _show(answers: Iterator[Answer], total: int, output: Output) -> bool:
    """Print answers as they come (a table at the end); say whether all were judged."""
    as_table = sys.stdout.isatty() and not output.as_json
    with_bar = total >= MANY and sys.stderr.isatty()
    rows: list[tuple[str, PredictionRecord]] = []
    complaints: list[str] = []
    for answer in _with_bar(answers, total) if with_bar else answers:
        name, record = answer.input.name, answer.record
        if record is None:
            complaints.append(f"{name}: {_reason(answer)}")
            if not with_bar:  # a line in the midst of the bar would tear it
                failures.tell(complaints[-1])
        elif as_table:
            rows.append((name, record))
        else:
            click.echo(_line(answer, record, output))
    if rows:
        print_table(Console(), rows)
        if output.with_evidence:
            print_evidence(Console(), rows)
    for complaint in complaints if with_bar else ():
        failures.tell(complaint)
    return not complaints


def _with_bar(answers: Iterator[Answer], total: int) -> Iterable[Answer]:
    return track(answers, "Looking", total, console=Console(stderr=True), transient=True)


def _reason(answer: Answer) -> str:
    if isinstance(answer.error, OSError) and answer.error.strerror:
        return f"{answer.error.strerror}."
    return str(answer.error)


def _line(answer: Answer, record: PredictionRecord, output: Output) -> str:
    if not output.as_json:
        name = answer.input.name
        evidence = evidence_lines(name, record) if output.with_evidence else ()
        return "\n".join((plain_line(name, record), *evidence))
    path = str(answer.heatmap) if answer.heatmap else None
    document = record_to_json(record, review=answer.review, heatmap=path)
    return json.dumps(document, ensure_ascii=False)
