"""The checkpoint through torch: on a GPU where there is one. Needs the extra `train`."""

from __future__ import annotations

import torch

from backend.errors import WeightsDamaged
from backend.model.card import CHECKPOINT, Card
from backend.model.card_judge import CardJudge
from backend.model.network import (
    ARCHITECTURE,
    Network,
    Served,
    ServedNetwork,
    inference_device,
    load_checkpoint,
)
from backend.model.preprocess import FloatArray


class TorchJudge(CardJudge):
    """The same answers as `OpenVinoJudge`, from the checkpoint beside the graph."""

    def __init__(self, card: Card) -> None:
        if card.architecture != ARCHITECTURE:
            raise WeightsDamaged(
                f"{card.ref.version} is a {card.architecture}; this version runs {ARCHITECTURE}."
            )
        super().__init__(card)
        self._device = inference_device()
        network = Network()
        load_checkpoint(network, card.folder / CHECKPOINT)
        self._served = ServedNetwork(network).eval().to(self._device)

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
