"""A frozen module's outputs by the fastest means here: OpenVINO on processors, torch on GPUs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import openvino as ov
import torch
from torch import Tensor, nn

from backend.model.network import inference_device
from backend.model.openvino_runtime import openvino_core
from backend.model.processor import this_processor
from backend.training.idle_blocks import without_idle_blocks

Look = Callable[[Tensor], np.ndarray[Any, Any]]
"""Images (n, 3, h, w) in, vectors (n, d) in 32 bits out."""
FEW = 256


def precision_here() -> str:
    """Return the precision in which `looking` computes here: bf16 or f32."""
    fast = inference_device().type == "cuda" or this_processor().has_fast_bf16
    return "bf16" if fast else "f32"


class Part(nn.Module):
    """A method of a network as a module of its own."""

    def __init__(self, network: nn.Module, method: str) -> None:
        super().__init__()
        self._network, self._method = network, method

    def forward(self, x: Tensor) -> Tensor:
        """Return what the method does."""
        found: Tensor = getattr(self._network, self._method)(x)
        return found


def looking(network: nn.Module, method: str, side_px: int, pictures: int) -> Look:
    """Return how a frozen network's method is computed here on squares of `side_px`.

    By torch where there is a GPU, or where the `pictures` to come are too few to be worth compiling
    for; else by OpenVINO, a picture a core. In bfloat16 where the hardware has it.
    """
    device = inference_device()
    fixed = without_idle_blocks(network).to(device, memory_format=torch.channels_last)
    part = Part(fixed, method).eval()
    if pictures > FEW and device.type == "cpu":
        return _streams(_compiled(part, side_px))
    fast = precision_here() == "bf16"

    def look(images: Tensor) -> np.ndarray[Any, Any]:
        images = images.to(device, memory_format=torch.channels_last)
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=fast):
            found = part(images)
        return np.asarray(found.float().cpu().numpy())

    return look


def _streams(compiled: Any) -> Look:
    """Pass pictures one by one, a core each: no thread waits for another's share of a pass."""
    queue = ov.AsyncInferQueue(compiled, this_processor().cores)
    found: dict[int, np.ndarray[Any, Any]] = {}

    def keep(request: Any, number: int) -> None:
        found[number] = request.get_output_tensor().data[0].copy()

    queue.set_callback(keep)

    def look(images: Tensor) -> np.ndarray[Any, Any]:
        for number, image in enumerate(images.numpy()):
            queue.start_async({0: image[None]}, number)
        queue.wait_all()
        return np.stack([found.pop(number) for number in range(len(images))])

    return look


def _compiled(part: Part, side_px: int) -> Any:
    # Two example pictures: with one, the exporter takes the batch for a constant.
    example = torch.zeros(2, 3, side_px, side_px)
    batch = torch.export.Dim("n", min=1, max=1024)
    with torch.no_grad():
        program = torch.export.export(part, (example,), dynamic_shapes={"x": {0: batch}})
    model = ov.convert_model(program)
    model.reshape([1, 3, side_px, side_px])
    cores = str(this_processor().cores)
    options = {
        "INFERENCE_PRECISION_HINT": precision_here(),
        "NUM_STREAMS": cores,
        "INFERENCE_NUM_THREADS": cores,
    }
    return openvino_core().compile_model(model, "CPU", options)
