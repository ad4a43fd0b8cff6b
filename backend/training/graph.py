"""Export a trained network as the graph that serves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openvino as ov
import torch

from backend.model.architectures import Architecture
from backend.model.network import Served
from backend.training.idle_blocks import without_idle_blocks


def export_graph(architecture: Architecture, network: Any, path: Path, crop_px: int) -> None:
    """Write the served graph as OpenVINO IR, its constants in 16 bits.

    One input (n, 3, crop, crop); outputs `logit`, `features`, `activation`.
    """
    served = architecture.serve(without_idle_blocks(network)).eval().requires_grad_(False)
    # Two example pictures: with one, the exporter takes the batch for a constant.
    example = torch.zeros(2, 3, crop_px, crop_px)
    batch = torch.export.Dim("n", min=1, max=1024)
    program = torch.export.export(served, (example,), dynamic_shapes={"x": {0: batch}})
    model = ov.convert_model(program)
    model.reshape([-1, 3, crop_px, crop_px])
    model.inputs[0].get_tensor().set_names({"image"})
    for output, name in zip(model.outputs, Served._fields, strict=True):
        output.get_tensor().set_names({name})
    ov.save_model(model, path, compress_to_fp16=True)
