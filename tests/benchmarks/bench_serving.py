"""Measure our served pipeline side by side with eager torch and the founding way of serving.

Everybody gets the same distinct pictures, none twice; the rounds go round-robin, and whoever is
not being measured is suspended. Prints Markdown. See docs/benchmarks.md for what was measured.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from backend.model.card import CHECKPOINT, load_card
from backend.model.openvino_runtime import precision_for
from backend.model.processor import this_processor
from backend.model.registry import find_card
from backend.settings import Settings
from tests.benchmarks.contestants import ROOT, Brushmark, Contestant, EagerTorch, GradioPage
from tests.benchmarks.load import Timings
from tests.benchmarks.serving_report import Series, Setting, table, verdict
from tests.benchmarks.workload import make_pictures

SIZES = ((640, 480), (1920, 1080))
CLIENTS = (1, 4)
PYTHON_OF_FOUNDING = ROOT / ".venv" / "founding" / "bin" / "python"
TARGET, TARGET_PLAIN = 5.0, 3.0
"""How many times the founding way's images a second: with AMX or VNNI, and without."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int
    pictures: int
    """For each contestant, size, number of clients and round; half as many warm it up."""

    @property
    def warm_up(self) -> int:
        """Pictures before the clock starts, for each size and number of clients."""
        return max(6, self.pictures // 2)

    @property
    def pictures_of_a_size(self) -> int:
        """Distinct pictures that each contestant sees of a size."""
        return len(CLIENTS) * (self.rounds * self.pictures + self.warm_up)


FULL, QUICK = Plan(rounds=3, pictures=48), Plan(rounds=1, pictures=8)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print what it found."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="a smoke test, no measurement")
    options.add_argument("--weights", help="a version or a folder; the active ones otherwise")
    options.add_argument("--founding-python", type=Path, default=PYTHON_OF_FOUNDING)
    given = options.parse_args(arguments)
    plan = QUICK if given.quick else FULL
    # On the disk of the checkout: a temporary folder may be in memory, where durable is free.
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build, prefix="bench-serving-") as folder:
        print(_run(plan, Path(folder), given.weights, given.founding_python))


def _run(plan: Plan, folder: Path, weights: str | None, founding_python: Path) -> str:
    release = find_card(Settings(home=folder / "no-home"), weights).folder
    load_before = os.getloadavg()[0]
    with ExitStack() as stack:
        contestants = list(_start(stack, folder, release, founding_python))
        ours = contestants[0]
        assert isinstance(ours, Brushmark)
        results: dict[Setting, dict[str, Series]] = {}
        for width, height in SIZES:
            pictures = _write(folder / f"{width}x{height}", width, height, plan)
            for clients in CLIENTS:
                setting = Setting(width, height, clients)
                print(f"{setting.words} ...", file=sys.stderr, flush=True)
                results[setting] = _measure(contestants, plan, pictures, clients)
    founding = [c.name for c in contestants if isinstance(c, GradioPage)]
    target = TARGET if this_processor().has_fast_int8 else TARGET_PLAIN
    return "\n\n".join(
        [
            _conditions(plan, release, founding_python, load_before),
            table(results, ours.name),
            verdict(results, ours.name, founding, target),
            ours.logged(),
        ]
    )


def _start(
    stack: ExitStack, folder: Path, release: Path, founding_python: Path
) -> Iterator[Contestant]:
    checkpoint = release / CHECKPOINT
    for make in (
        lambda: Brushmark(folder / "brushmark", release),
        lambda: EagerTorch(folder / "eager", checkpoint),
        lambda: GradioPage("Gradio page, defaults", folder / "page", founding_python, checkpoint),
        lambda: GradioPage(
            "Gradio page, 4 at a time", folder / "page4", founding_python, checkpoint, 4
        ),
    ):
        contestant = make()
        stack.callback(contestant.stop)
        contestant.wait_until_ready()
        contestant.suspend()
        yield contestant


def _write(folder: Path, width: int, height: int, plan: Plan) -> Iterator[Path]:
    """Write the pictures of a size and deal them out, each once."""
    folder.mkdir()
    for number, jpeg in enumerate(make_pictures(width, height, plan.pictures_of_a_size)):
        (folder / f"{number}.jpg").write_bytes(jpeg)
    return iter(sorted(folder.iterdir(), key=lambda path: int(path.stem)))


def _measure(
    contestants: Sequence[Contestant], plan: Plan, pictures: Iterator[Path], clients: int
) -> dict[str, Series]:
    rounds: dict[str, list[Timings]] = {c.name: [] for c in contestants}
    resident_mb = dict.fromkeys(rounds, 0.0)
    warm_up = list(itertools.islice(pictures, plan.warm_up))
    for contestant in contestants:
        contestant.resume()
        contestant.warm_up(warm_up, clients)
        contestant.suspend()
    for number in range(plan.rounds):
        share = list(itertools.islice(pictures, plan.pictures))
        turn = number % len(contestants)
        for contestant in [*contestants[turn:], *contestants[:turn]]:
            contestant.resume()
            rounds[contestant.name].append(contestant.judge(share, clients))
            memory_mb = contestant.resident_mb()
            resident_mb[contestant.name] = max(resident_mb[contestant.name], memory_mb)
            contestant.suspend()
    return {name: Series(tuple(found), resident_mb[name]) for name, found in rounds.items()}


def _conditions(plan: Plan, release: Path, founding_python: Path, load_before: float) -> str:
    ask = "import gradio; print(gradio.__version__)"
    gradio = subprocess.run([founding_python, "-c", ask], capture_output=True, text=True)
    names = ("openvino", "torch", "torchvision", "pillow", "waitress")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    lines = (
        f"{this_processor().summary}; {platform.system()} {platform.machine()}.",
        f"Python {platform.python_version()}, {versions}, gradio {gradio.stdout.strip()}.",
        f"Weights {release.name}, served in {precision_for(load_card(release))}.",
        f"{datetime.date.today().isoformat()}, load average {load_before:.1f} before the start.",
        f"{plan.rounds} rounds of {plan.pictures} pictures, each sent once; rates are medians of",
        "the rounds, percentiles over all of them.",
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
