"""One example as a row: of the manifest, of metadata.jsonl, of Label Studio's tasks."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from backend.domain import Label
from backend.exporting.cells import cell, flat
from backend.exporting.examples import CREDITS, Example
from backend.wire import Json

COLUMNS = (
    *("path", "label", "generator", "kind", "source", "group", "split", "licence", "sha256"),
    *("format", "width", "height", "bytes", "audit", "score", "outcome", "model"),
    *("reviewed_at", "record"),
)
"""Those of a data manifest, and what the log knows beside."""
LOCAL_FILES = "/data/local-files/?d="
"""How Label Studio names a file below its document root."""
LABEL_CONFIG = """<View>
  <Image name="image" value="$image"/>
  <Choices name="label" toName="image" choice="single" showInline="true">
    <Choice value="ai_generated" alias="ai_generated" hotkey="a"/>
    <Choice value="human_made" alias="human_made" hotkey="h"/>
  </Choices>
</View>
"""


def path_of(example: Example, split: str) -> str:
    """Return where an export keeps a picture: its split, its label, its hash."""
    return f"{split}/{example.label.value}/{example.name}"


def row(example: Example, line: Any, *, split: str, group: str) -> dict[str, Any]:
    """Return an example's row, by column; the texts of others are flat."""
    record, credit = line["record"], line["credit"]
    image, probabilities, model = record["image"], record["probabilities"], record["model"]
    return {
        "path": path_of(example, split),
        "label": example.label.value,
        **{name: credit[name] for name in CREDITS},
        "group": group,
        "split": split,
        "sha256": example.sha256,
        **{name: image[name] for name in ("format", "width", "height", "bytes")},
        "audit": record["audit"],
        "score": None if probabilities is None else round(probabilities["ai_generated"], 6),
        "outcome": record["outcome"],
        "model": None if model is None else flat(model["version"]),
        "reviewed_at": line["review"]["created_at"],
        "record": record["id"],
    }


def csv_line(values: Mapping[str, Any] | None = None) -> bytes:
    """Return a row of the manifest; without values its header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS if values is None else [cell(values[name]) for name in COLUMNS])
    return text.getvalue().encode()


def metadata_line(values: Mapping[str, Any]) -> bytes:
    """Return a line of a split's metadata.jsonl, which names files from the split's folder.

    Source: the Hugging Face documentation of `datasets`, “ImageFolder”.
    """
    name = values["path"].partition("/")[2]
    rest = {column: values[column] for column in COLUMNS if column != "path"}
    return json.dumps({"file_name": name, **rest}, separators=(",", ":")).encode() + b"\n"


def label_studio_task(values: Mapping[str, Any]) -> Json:
    """Return a task as Label Studio imports it: data, one annotation, the model's prediction.

    Source: the Label Studio documentation, “Import data”, basic JSON format with annotations
    and pre-annotations.
    """
    data = {name: values[name] for name in ("sha256", "record", *CREDITS, "group", "split")}
    task: Json = {
        "data": {"image": LOCAL_FILES + values["path"], **data},
        "annotations": [{"result": [_choice(values["label"])]}],
    }
    score = values["score"]
    if score is not None:
        likelier = Label.AI_GENERATED if score >= 0.5 else Label.HUMAN_MADE
        task["predictions"] = [
            {
                "model_version": values["model"],
                "score": round(max(score, 1 - score), 6),
                "result": [_choice(likelier.value)],
            }
        ]
    return task


def _choice(label: str) -> Json:
    return {
        "from_name": "label",
        "to_name": "image",
        "type": "choices",
        "value": {"choices": [label]},
    }
