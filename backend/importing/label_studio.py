"""Read what Label Studio exports: JSON tasks whose annotations are choices.

Source: the Label Studio documentation, “Export annotations”, raw JSON format.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from backend.errors import TooLarge
from backend.importing.candidate import (
    Candidate,
    LeftOut,
    Reading,
    label_named,
    picture_names,
    text_of,
)
from backend.importing.json_array import NoArray, values
from backend.importing.source import MAX_ENTRIES, Source

_CREDITS = ("generator", "kind", "source", "licence", "group", "split")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_UPLOAD = re.compile(r"[0-9a-f]{8}-")
"""Label Studio puts eight hex digits before the name of a file that was uploaded to it."""


def recognise(source: Source) -> Reading | None:
    """Return the reading of a source with a list of tasks in a JSON file; None where none is.

    Raises:
        TooLarge: it has more tasks than pictures are taken, or too long ones.
    """
    tables = (n for n in source.names() if PurePosixPath(n).suffix == ".json" and "/" not in n)
    counted = ((name, count) for name in tables if (count := _count(source, name)))
    name, total = next(counted, ("", 0))
    return Reading("Label Studio's JSON", total, lambda _: _offers(source, name)) if name else None


def _count(source: Source, name: str) -> int:
    """Return how many tasks a file lists; 0 where it holds anything else."""
    count = 0
    try:
        for task in values(source, name):
            if not isinstance(task, dict) or "data" not in task:
                return 0
            count += 1
            if count > MAX_ENTRIES:
                raise TooLarge(f"{name} has over {MAX_ENTRIES:,} tasks.")
    except NoArray:
        return 0
    except TooLarge:
        if count:
            raise
    return count


def _offers(source: Source, name: str) -> Iterator[Candidate | LeftOut]:
    by_name: dict[str, list[str]] = defaultdict(list)
    for picture in picture_names(source):
        by_name[PurePosixPath(picture).name].append(picture)
    for number, task in enumerate(values(source, name), start=1):
        yield _offer(task, f"task {text_of(str(task.get('id', number)))}", by_name)


def _offer(task: Any, called: str, by_name: dict[str, list[str]]) -> Candidate | LeftOut:
    choice = _choice(task)
    if choice is None:
        return LeftOut(called, "nobody annotated it")
    label = label_named(choice)
    if label is None:
        return LeftOut(called, f"“{text_of(choice)}” is neither AI-generated nor human-made")
    data = task["data"] if isinstance(task["data"], dict) else {}
    texts = [value for value in data.values() if isinstance(value, str)]
    digest = next((t for t in texts if _DIGEST.fullmatch(t)), None)
    paths = [path for text in texts for path in _paths(text)]
    name = next((found for path in paths if (found := _file(path, by_name))), None)
    if digest is None:
        stems = (PurePosixPath(path).stem for path in paths)
        digest = next((stem for stem in stems if _DIGEST.fullmatch(stem)), None)
    if name is None and digest is None:
        return LeftOut(called, "its picture is not in the file")
    credit = {c: text_of(data[c]) for c in _CREDITS if text_of(data.get(c))}
    return Candidate(name, label, digest, credit)


def _choice(task: Any) -> str | None:
    """Return the latest annotation's first choice; cancelled ones do not count."""
    found: list[tuple[str, int, str]] = []
    annotations = task.get("annotations", task.get("completions"))
    for place, annotation in enumerate(annotations if isinstance(annotations, list) else []):
        if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
            continue
        when = str(annotation.get("updated_at") or annotation.get("created_at") or "")
        results = annotation.get("result")
        for result in results if isinstance(results, list) else []:
            value = result.get("value") if isinstance(result, dict) else None
            choices = value.get("choices") if isinstance(value, dict) else None
            if isinstance(choices, list) and choices and isinstance(choices[0], str):
                found.append((when, place, choices[0]))
                break
    return max(found)[2] if found else None


def _paths(text: str) -> list[str]:
    """Return the paths that a value of a task's data may mean: a local file, an upload, a URL."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return []
    local = parse_qs(parts.query).get("d", [])
    return [unquote(path) for path in (*local, parts.path) if path]


def _file(path: str, by_name: dict[str, list[str]]) -> str | None:
    """Return the picture whose path ends like this one the longest; None where two do."""
    wanted = PurePosixPath(path).parts
    name = wanted[-1] if wanted else ""
    found = by_name.get(name) or by_name.get(_UPLOAD.sub("", name, count=1), [])
    if len(found) < 2:
        return found[0] if found else None
    scored = sorted((_agreement(wanted, each), each) for each in found)
    return scored[-1][1] if scored[-1][0] > scored[-2][0] else None


def _agreement(wanted: tuple[str, ...], name: str) -> int:
    pairs = zip(reversed(wanted), reversed(PurePosixPath(name).parts), strict=False)
    count = 0
    for ours, theirs in pairs:
        if ours != theirs:
            break
        count += 1
    return count
