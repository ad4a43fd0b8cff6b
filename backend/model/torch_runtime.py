"""The checkpoint through torch: on a GPU where there is one. Needs the extra `train`."""

from __future__ import annotations

import torch

from backend.model.architectures import find_architecture, load_checkpoint
from backend.model.card import CHECKPOINT, Card
from backend.model.card_judge import CardJudge
from backend.model.network import Served, inference_device
from backend.model.preprocess import FloatArray


class TorchJudge(CardJudge):
    """The same answers as `OpenVinoJudge`, from the checkpoint beside the graph."""

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        self._device = inference_device()
        architecture = find_architecture(card.architecture)
        network = architecture.build(card.document)
        load_checkpoint(network, card.folder / CHECKPOINT)
        self._served = architecture.serve(network).eval().to(self._device)

    @property
    def device(self) -> str:
        """Device and precision in words."""
        name = torch.cuda.get_device_name() if self._device.type == "cuda" else "processor"
        return f"torch {torch.__version__}, f32, {name}"

    def infer(self, tensor: FloatArray) -> dict[str, FloatArray]:
        """Run the network on a batch, as `OpenVinoJudge.infer` does."""
        with torch.inference_mode():
            out = Served(*self._served(torch.from_numpy(tensor).to(self._device)))
        return {name: value.cpu().numpy() for name, value in out._asdict().items()}
