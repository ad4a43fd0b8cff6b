"""Leave one generator or one source out, on the vectors that a release carries.

The vectors of `features.safetensors` are those of the released network, which has seen every
name; only the classifier above them is fitted anew without one. So these figures say how far
that classifier carries over, and flatter a network that was itself fine-tuned. An opinion that a
vector ends with (`texture_network`) was learnt from every name and is left out altogether.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from backend.domain import Label
from backend.errors import WeightsDamaged, WeightsMissing
from backend.model.vectors import STATISTICS, without_opinion
from backend.training.evaluation.bootstrap import Interval, interval, rate
from backend.training.evaluation.memory import Remembered
from backend.training.metrics import roc_auc
from backend.training.recipes import HeadRecipe
from backend.training.train import Progress

LEAST_ORIGINALS = 10
"""Names with fewer originals in `train` and `val` are not left out: too few to say anything."""
_C, _POWER, _DRAWS = 0.01, 0.25, 300
_VERSION = 1
Vectors = npt.NDArray[np.float32]
Logits = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Vault:
    """The vectors of `train` and `val` with what is known of each picture."""

    features: Vectors
    labels: npt.NDArray[np.int64]
    learnt: npt.NDArray[np.bool_]
    """True for `train`, False for `val`."""
    generator: npt.NDArray[Any]
    source: npt.NDArray[Any]
    group: npt.NDArray[Any]
    sha256: str

    @property
    def classifier(self) -> str:
        """What is fitted on these vectors, in words."""
        if self.features.shape[1] == STATISTICS:
            return "one head like our own recipe's (one hidden layer), on pictures as they are"
        return "a logistic regression"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Figures of one name that the classifier never saw.

    `recall` is at log-odds 0; `auc` holds its pictures against the other class's of `val`.
    """

    name: str
    label: Label
    originals: int
    groups: int
    recall: Interval
    auc: Interval

    def to_json(self) -> dict[str, Any]:
        """Turn into what `metrics.json` holds."""
        return asdict(self) | {"label": self.label.value}


def read_vault(path: Path) -> Vault:
    """Read a release's vectors.

    Raises:
        WeightsMissing: the release has none.
        WeightsDamaged: they cannot be read.
    """
    if not path.is_file():
        raise WeightsMissing(f"These weights carry no {path.name}: leaving one out needs it.")
    try:
        with safe_open(path, "np") as file:
            names = {k: np.asarray(json.loads(v)) for k, v in file.metadata().items()}

            def both(field: str) -> Any:
                return np.concatenate([file.get_tensor(f"{s}.{field}") for s in ("train", "val")])

            return Vault(
                features=without_opinion(both("features")).astype(np.float32),
                labels=both("labels").astype(np.int64),
                learnt=np.arange(len(both("labels"))) < len(file.get_tensor("train.labels")),
                generator=names["generator"][both("generator")],
                source=names["source"][both("source")],
                group=names["group"][both("group")],
                sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            )
    except (SafetensorError, KeyError, ValueError, AttributeError) as error:
        raise WeightsDamaged(f"{path} holds no vectors that this version reads.") from error


def leave_one_out(
    vault: Vault, field: str, memory: Path, progress: Progress
) -> tuple[LeftOut, ...]:
    """Fit without each generator, or each source, in turn; an interrupted round goes on.

    Args:
        field: `generator` (generated pictures alone) or `source` (both classes).

    Returns:
        Worst recall first.
    """
    column = vault.generator if field == "generator" else vault.source
    names = [n for n in np.unique(column) if _enough(vault, column, n, field)]
    path = memory / f"left-out-{_VERSION}-{vault.sha256[:16]}.jsonl"
    found = []
    with Remembered(path) as known:
        for done, name in enumerate(names, start=1):
            key = f"{field} {name}"
            entry = known.get(key)
            if entry is None:
                known.add(key, {"logits": _logits_without(vault, column == name).tolist()})
                entry = known.get(key)
            logits = np.array((entry or {})["logits"])
            found += _figures(vault, column == name, str(name), field, logits)
            progress(done, len(names), f"leaving out one {field}")
    return tuple(sorted(found, key=lambda f: (f.recall.value, f.name)))


def _enough(vault: Vault, column: Any, name: Any, field: str) -> bool:
    of = column == name
    if field == "generator" and not vault.labels[of].all():
        return False  # `human` is no generator
    return int(of.sum()) >= LEAST_ORIGINALS


def _logits_without(vault: Vault, out: npt.NDArray[np.bool_]) -> Logits:
    # Near-duplicates of what is left out would tell of it.
    learn = vault.learnt & ~out & ~np.isin(vault.group, vault.group[out])
    judged = vault.features[out | ~vault.learnt]
    return np.round(_fit(vault, learn)(judged), 5)


def _fit(vault: Vault, learn: npt.NDArray[np.bool_]) -> Callable[[Vectors], Logits]:
    x, y = vault.features[learn], vault.labels[learn]
    weights = _weights(vault.source[learn], y)
    if vault.features.shape[1] == STATISTICS:
        from backend.training.head import fit_head, head_logits

        head = fit_head(x, y, weights, HeadRecipe())
        return lambda judged: head_logits(head, judged)
    from sklearn.linear_model import LogisticRegression

    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-3
    model = LogisticRegression(C=_C, max_iter=300).fit((x - mean) / scale, y, sample_weight=weights)
    return lambda judged: np.asarray(model.decision_function((judged - mean) / scale), np.float64)


def _weights(source: Any, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    _, member, size = np.unique(source, return_inverse=True, return_counts=True)
    weight = size[member].astype(np.float64) ** -_POWER
    for value in (0, 1):
        weight[labels == value] *= len(labels) / 2 / weight[labels == value].sum()
    return weight


def _figures(
    vault: Vault, out: npt.NDArray[np.bool_], name: str, field: str, logits: Logits
) -> list[LeftOut]:
    judged = out | ~vault.learnt
    labels, left = vault.labels[judged], out[judged]
    groups = vault.group[judged]
    found = []
    for label in (Label.AI_GENERATED, Label.HUMAN_MADE):
        target = int(label is Label.AI_GENERATED)
        own = left & (labels == target)
        if int(own.sum()) < LEAST_ORIGINALS:
            continue
        right = (logits[own] >= 0) == bool(target)
        against = np.flatnonzero(own | (~left & (labels != target)))
        auc = _auc_interval(logits[against], labels[against], groups[against])
        recall = rate(right, list(groups[own]))
        found.append(LeftOut(name, label, int(own.sum()), len(set(groups[own])), recall, auc))
    return found


def _auc_interval(logits: Logits, labels: Any, groups: Any) -> Interval:
    return interval(lambda i: roc_auc(logits[i], labels[i]), list(groups), draws=_DRAWS)
