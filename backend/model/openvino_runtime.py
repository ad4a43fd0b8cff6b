"""The served graph on the processor, through OpenVINO."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import openvino as ov

from backend.errors import NoModel, WeightsDamaged
from backend.model.card import GRAPH_BIN, GRAPH_XML, INT8_BIN, INT8_XML, Card
from backend.model.card_judge import CardJudge
from backend.model.preprocess import FloatArray
from backend.model.processor import this_processor

OUTPUTS = ("logit", "features", "activation")
CROWD_S = 0.2
"""How long after two pictures were passed at once the next still gets one core: under load, who is
not passing decodes."""


def precision_for(card: Card) -> str:
    """Return the fastest precision that the processor has in hardware and the card vouches for.

    One of int8 (the release found its 8-bit graph as good), bf16 and f32. Without VNNI an 8-bit
    graph is taken where its sums are sure to fit into 16 bits.
    """
    processor = this_processor()
    if card.has_int8 and processor.has_fast_int8:
        return "int8"
    if processor.has_fast_bf16:
        return "bf16"
    return "int8" if card.has_int8 and card.int8_is_portable and processor.has_avx2 else "f32"


class Crowd:
    """Tells whether pictures come together; safe from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._under_way = 0
        self._until_s = -math.inf
        self._counting = threading.Lock()

    @contextmanager
    def passing(self) -> Iterator[bool]:
        """Hold a pass under way; true where another is, or was within `CROWD_S`."""
        with self._counting:
            self._under_way += 1
            together = self._under_way > 1 or self._clock() < self._until_s
        try:
            yield together
        finally:
            with self._counting:
                if self._under_way > 1:
                    self._until_s = self._clock() + CROWD_S
                self._under_way -= 1


class Requests:
    """A compiled graph and its infer requests; the one used last is lent first.

    A request holds the maps of its last pass: the same few stay in the processor's caches,
    whichever of a server's many threads asks.
    """

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._free: list[Any] = []  # append and pop are atomic

    @contextmanager
    def one(self) -> Iterator[Any]:
        """Lend a request that nobody else uses."""
        try:
            request = self._free.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        yield request
        self._free.append(request)  # one that failed is not lent again


class OpenVinoJudge(CardJudge):
    """The graph compiled twice, with infer requests for as many threads as ask together.

    A lone picture gets every core, which halves its pass on two; pictures that come together, and
    those that come soon after, get a core each, so that no thread waits for another's share.
    """

    def __init__(self, card: Card, *, precision: str | None = None) -> None:
        super().__init__(card)
        self._precision = precision or precision_for(card)
        self._crowd = Crowd()
        cores = this_processor().cores
        self._alone = Requests(_compile(card, self._precision, streams=1))
        self._together = self._alone
        if cores > 1:
            self._together = Requests(_compile(card, self._precision, streams=cores))
        # One pass while there is one thread: OpenVINO's bindings finish setting themselves up in
        # the first, and two threads that both make it can wait for each other for ever, one with
        # the interpreter's lock and one with the set-up's.
        crop_px = card.preprocessing.crop_px
        blank = np.zeros((1, 3, crop_px, crop_px), np.float32)
        for together in (False, True):
            self._pass(blank, together)

    @property
    def device(self) -> str:
        """Processor and precision in words."""
        return (
            f"OpenVINO {ov.__version__.split('-')[0]}, {self._precision}, {this_processor().name}"
        )

    def infer(self, tensor: FloatArray) -> dict[str, FloatArray]:
        """Run the graph on one picture, as `CardJudge.infer` says."""
        with self._crowd.passing() as together:
            return self._pass(tensor, together)

    def _pass(self, tensor: FloatArray, together: bool) -> dict[str, FloatArray]:
        with (self._together if together else self._alone).one() as request:
            results = request.infer({0: tensor}, share_inputs=True, share_outputs=False)
            return {name: results[name] for name in OUTPUTS}


@cache
def openvino_core() -> ov.Core:
    """Return the one core of this process, which is never let go.

    Its plugin of the processor gives the calling thread a stack for signals and puts the one
    before back when it goes. Were there several, one for each model, the last to go would put
    back a stack that is gone, and the next signal would end the process: so it was when a model
    had been activated and somebody pressed Ctrl-C.
    """
    return ov.Core()


def _compile(card: Card, precision: str, *, streams: int) -> Any:
    core = openvino_core()
    try:
        xml, weights = (INT8_XML, INT8_BIN) if precision == "int8" else (GRAPH_XML, GRAPH_BIN)
        model = core.read_model(card.folder / xml, card.folder / weights)
    except RuntimeError as error:
        raise WeightsDamaged(f"The graph of {card.ref.version} cannot be read.") from error
    names = {name for output in model.outputs for name in output.get_names()}
    crop_px = card.preprocessing.crop_px
    shape = [d.get_length() if d.is_static else -1 for d in model.input(0).get_partial_shape()]
    if not set(OUTPUTS) <= names or shape[1:] != [3, crop_px, crop_px]:
        raise WeightsDamaged(
            f"The graph of {card.ref.version} does not fit its card: outputs {sorted(names)}, "
            f"input {shape}, crop {crop_px}."
        )
    if model.output("features").get_partial_shape()[1].get_length() != card.feature_size:
        raise WeightsDamaged(f"The features of {card.ref.version} are not of the card's size.")
    if shape[0] != 1:
        model.reshape([1, 3, crop_px, crop_px])
    cores = this_processor().cores
    try:
        return core.compile_model(
            model,
            "CPU",
            {
                # What an 8-bit graph leaves to other types is little, and better kept exact.
                "INFERENCE_PRECISION_HINT": "f32" if precision == "int8" else precision,
                "NUM_STREAMS": str(streams),
                "INFERENCE_NUM_THREADS": str(cores),
            },
        )
    except RuntimeError as error:
        raise NoModel(f"OpenVINO cannot run the graph here: {str(error)[:200]}") from error
