"""The ideas that `screening` tries on cached statistics, in tables; data alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from backend.training.recipes import HeadRecipe, Regularisation, StageRecipe


@dataclass(frozen=True, slots=True)
class Idea:
    """One setting to try; the rest is as in the base."""

    name: str
    head: HeadRecipe = field(default_factory=HeadRecipe)
    heads: int = 1
    """Heads of so many seeds, joined into one; plain fits alone."""
    power: float = 0.25
    weighting: Literal["source", "size", "hard kinds", "mined"] = "source"
    """What weighs beside the source; see `weighting`."""
    learn: tuple[int, ...] = (0, 1)
    """Variants learnt from: 0 clean, 1 web copy."""
    views: tuple[str, ...] = ("whole",)
    """Views that judge, averaged, and are learnt from."""
    also: tuple[str, ...] = ()
    """Views that are learnt from beside them."""
    stages: tuple[int, ...] = (0, 1, 2, 3, 4)
    moments: tuple[str, ...] = ("mean", "deviation")
    linear: float | None = None
    """C of a logistic regression in place of the head with a hidden layer."""
    regularisation: Regularisation | None = None
    early_stop: bool = False
    """Keep the epoch that ranks a fifth of the sources best, which is held out for that."""
    sources: float = 1.0
    """Share of the sources that is learnt from."""
    pictures: float = 1.0
    """Share of the pictures that is learnt from."""
    each: int | None = None
    """Pictures of each source that are learnt from, at most."""


BASE = Idea("base: all stages, hidden 128, 10 epochs, clean + web copy, whole views")

_SERVED = StageRecipe("brush-1")
AS_SERVED = replace(
    BASE, learn=tuple(range(_SERVED.web_copies + 1)), regularisation=_SERVED.regularisation
)
"""One head of `brush-1`, which is what the served recipe has but for its adviser."""

_VIEWS = (
    BASE,
    replace(BASE, name="native crops alone", views=("crop",)),
    replace(BASE, name="whole and native, logits averaged", views=("whole", "crop")),
    replace(
        BASE,
        name="the probe: linear, C .001, clean, both views, count^-.5",
        linear=0.001,
        learn=(0,),
        views=("whole", "crop"),
        power=0.5,
    ),
    replace(BASE, name="learnt from clean alone", learn=(0,)),
    replace(BASE, name="learnt from web copies alone", learn=(1,)),
)
_STAGES = (
    BASE,
    replace(BASE, name="last stage, means", stages=(4,), moments=("mean",)),
    replace(BASE, name="last stage, means and deviations", stages=(4,)),
    replace(BASE, name="early stages 0-3", stages=(0, 1, 2, 3)),
    replace(BASE, name="all stages, means alone", moments=("mean",)),
)
_HEADS = (
    BASE,
    replace(BASE, name="linear, C .001", linear=0.001),
    replace(BASE, name="three seeds joined", heads=3),
    replace(BASE, name="hidden 32", head=HeadRecipe(hidden=32)),
    replace(BASE, name="hidden 512", head=HeadRecipe(hidden=512)),
    replace(BASE, name="5 epochs", head=HeadRecipe(epochs=5)),
    replace(BASE, name="20 epochs", head=HeadRecipe(epochs=20)),
    replace(BASE, name="smoothing .05", head=HeadRecipe(smoothing=0.05)),
    replace(BASE, name="dropout in .4", head=HeadRecipe(drop_in=0.4)),
    replace(BASE, name="weight decay .5", head=HeadRecipe(weight_decay=0.5)),
)
_WEIGHTS = (
    BASE,
    replace(BASE, name="no source weights", power=0.0),
    replace(BASE, name="source weights count^-.5", power=0.5),
    replace(BASE, name="source weights 1/count", power=1.0),
    replace(BASE, name="size-matched weights", weighting="size"),
    replace(BASE, name="hard kinds (illustration, render, anime) twice", weighting="hard kinds"),
    replace(
        BASE,
        name="source- and class-balanced batches",
        regularisation=Regularisation(balanced_batches=True),
    ),
)
_MINING = (
    BASE,
    replace(BASE, name="human pictures accused by three inner folds twice", weighting="mined"),
)
_LOSSES = (
    BASE,
    replace(BASE, name="a picture's copies in one batch, no more", regularisation=Regularisation()),
    replace(
        BASE,
        name="and consistency of its logits, .1",
        regularisation=Regularisation(consistency=0.1),
    ),
    replace(
        BASE,
        name="and consistency of its logits, 1",
        regularisation=Regularisation(consistency=1.0),
    ),
    replace(
        BASE, name="and the generator's family named, .3", regularisation=Regularisation(family=0.3)
    ),
    replace(
        BASE,
        name="and moving average of weights, .99",
        regularisation=Regularisation(averaging=0.99),
    ),
    replace(
        BASE,
        name="of 30 epochs the best on held-out sources",
        head=HeadRecipe(epochs=30),
        early_stop=True,
    ),
)
_COMBINED = (
    BASE,
    replace(BASE, name="consistency .03", regularisation=Regularisation(consistency=0.03)),
    replace(BASE, name="consistency .3", regularisation=Regularisation(consistency=0.3)),
    replace(
        BASE,
        name="consistency .1 and the family, .3",
        regularisation=Regularisation(consistency=0.1, family=0.3),
    ),
)
_COPIES = (
    BASE,
    *(replace(BASE, name=f"{n} web copies", learn=tuple(range(n + 1))) for n in (2, 3)),
    *(
        replace(
            BASE,
            name=f"{n} web {'copy' if n == 1 else 'copies'}, consistency {weight}",
            learn=tuple(range(n + 1)),
            regularisation=Regularisation(consistency=weight),
        )
        for n, weight in ((1, 0.1), (3, 0.1))
    ),
    replace(BASE, name="native crops learnt from beside", also=("crop",)),
    replace(
        BASE,
        name="native crops learnt from beside, consistency .1",
        also=("crop",),
        regularisation=Regularisation(consistency=0.1),
    ),
)
_CURVE = (
    *(
        replace(BASE, name=f"{share:.0%} of the sources", sources=share)
        for share in (0.25, 0.5, 0.75)
    ),
    *(
        replace(BASE, name=f"{share:.0%} of the pictures", pictures=share)
        for share in (0.25, 0.5, 0.75)
    ),
    *(replace(BASE, name=f"at most {each} pictures a source", each=each) for each in (2, 5, 8, 13)),
    replace(BASE, name="everything"),
)

TABLES: dict[str, tuple[Idea, ...]] = {
    "losses": _LOSSES,
    "weights": _WEIGHTS,
    "curve": _CURVE,
    "stages": _STAGES,
    "heads": _HEADS,
    "combined": _COMBINED,
    "mining": _MINING,
    "copies": _COPIES,
    "views": _VIEWS,
}
"""Those that need whole views alone come first."""
