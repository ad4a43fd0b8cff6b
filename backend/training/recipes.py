"""Named training recipes: every number carries its why."""

from __future__ import annotations

from dataclasses import dataclass, field

from backend.errors import UnknownField
from backend.model.preprocess import Preprocessing


@dataclass(frozen=True, slots=True)
class Recipe:
    """One setting of the founding project: a frozen phase, then perhaps an unfrozen one.

    Its optimiser is RMSprop, its loss cross-entropy, its training views random resized crops
    of 224 pixels with flips and rotations up to 30 degrees; the epoch kept is the one with
    the best validation figure, and unfreezing goes on from it with the same optimiser and
    schedule.
    """

    name: str
    frozen_epochs: int
    unfrozen_epochs: int
    step_size: int
    """Epochs after which StepLR multiplies the learning rate by `gamma`."""
    gamma: float
    lr: float = 1e-3
    batch_size: int = 10
    view: str = "whole"
    """One view an original, as the founding project had."""
    crop_px: int = 224
    rotation_degrees: float = 30.0

    @property
    def epochs(self) -> int:
        """All epochs of both phases."""
        return self.frozen_epochs + self.unfrozen_epochs


@dataclass(frozen=True, slots=True)
class HeadRecipe:
    """How a head over all stages is fitted on cached statistics; chosen by `screening`."""

    hidden: int = 128
    epochs: int = 10
    lr: float = 1e-3
    weight_decay: float = 0.1
    batch_size: int = 256
    drop_in: float = 0.2
    drop_hidden: float = 0.5
    smoothing: float = 0.0


@dataclass(frozen=True, slots=True)
class Regularisation:
    """What is done beside the plain loss; by default nothing."""

    balanced_batches: bool = False
    """Batches draw a class, then one of its sources, then a picture, each with equal chances; the
    pictures' weights are not used."""
    averaging: float = 0.0
    """Decay of a moving average of the weights; the average judges."""
    consistency: float = 0.0
    """Weight of the mean squared gap between the logits of a picture and of its later copies."""
    family: float = 0.0
    """Weight of the loss of a second head that names the family of generated pictures."""


@dataclass(frozen=True, slots=True)
class TrunkRecipe:
    """How the trunk is fine-tuned before heads are fitted on it: the pilots' careful way."""

    steps: int = 650
    batch_size: int = 48
    """Half of each class."""
    patch_px: int = 160
    lr: float = 1e-4
    """Peak of one cycle."""
    head_lr: float = 5e-4
    head_decay: float = 0.1
    warm_up: float = 0.15
    """Share of the steps in which the rate rises."""
    pull: float = 2e-3
    """Share of the way back to the initial weights that each step goes at the peak."""
    averaging: float = 0.99
    smoothing: float = 0.04
    source_power: float = 0.25


@dataclass(frozen=True, slots=True)
class StageRecipe:
    """Our own: the trunk as it was initialised, and heads over the statistics of every stage."""

    name: str
    head: HeadRecipe = field(default_factory=HeadRecipe)
    regularisation: Regularisation = field(default_factory=lambda: Regularisation(consistency=0.1))
    """What is done beside the plain loss: a little consistency between a picture and its web
    copies. On the folds it adds .003 AUC on pictures as they are and .005 on web copies."""
    heads: int = 3
    """Seeds whose heads are joined: the joint logit is steadier at no cost in service."""
    web_copies: int = 3
    """Seeded web copies of each view learnt from beside the clean one: on the folds three of them
    add another .003 and .004 AUC under consistency."""
    source_power: float = 0.25
    """Weight of a picture: pictures of its source to the minus this."""
    view: str = "whole"
    """One view an original: on the folds of unseen sources whole views alone come within .002
    AUC of both views averaged (within .007 on web copies), and cost one pass in service."""
    advisers: int = 0
    """Seeds whose heads over the early stages' texture are joined and advise the others: see
    `texture_network`."""
    preprocessing: Preprocessing = field(default_factory=lambda: Preprocessing(256, 256, "bicubic"))
    """The short side as the pictures of the training data have it, so that nothing is resized
    twice. The centre of 224 pixels costs three quarters and does as well on the folds, but not on
    `val` (`view_screening`; .858 AUC against .863); 192 lose .013 AUC on the folds too."""

    @property
    def hidden(self) -> int:
        """Hidden units of one head."""
        return self.head.hidden

    @property
    def architecture(self) -> str:
        """The network that is trained."""
        return "resnet18-textures" if self.advisers else "resnet18-stages"


RECIPES: dict[str, Recipe | StageRecipe] = {
    recipe.name: recipe
    for recipe in (
        # The founding project's four settings; it found that the first generalised best.
        Recipe("seed-1", frozen_epochs=10, unfrozen_epochs=0, step_size=7, gamma=0.1),
        Recipe("seed-2", frozen_epochs=25, unfrozen_epochs=0, step_size=8, gamma=0.1),
        Recipe("seed-3", frozen_epochs=15, unfrozen_epochs=12, step_size=7, gamma=0.1),
        Recipe("seed-4", frozen_epochs=10, unfrozen_epochs=5, step_size=7, gamma=0.2),
        StageRecipe("brush-1"),
        StageRecipe("brush-2", advisers=1),
    )
}


def find_recipe(name: str) -> Recipe | StageRecipe:
    """Return a recipe by name. Raises `UnknownField` with the nearest known name."""
    try:
        return RECIPES[name]
    except KeyError:
        raise UnknownField(name, RECIPES, what="recipe") from None
