"""Prompts put together at random from the bank beside this file; the same for the same seed."""

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

BANK = Path(__file__).with_name("prompt_bank.toml")
_OPTIONAL = (("styles", 0.7), ("lights", 0.6), ("views", 0.45), ("colours", 0.4), ("moods", 0.4))
"""Parts that a prompt may lack, with the chance that it has them: people's prompts vary too."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What to ask for, and the kind of picture that it is."""

    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Bank:
    """The words that prompts are made of."""

    media: tuple[tuple[str, float, tuple[str, ...]], ...]
    """Kind, weight and names of each family of media."""
    parts: dict[str, tuple[str, ...]]

    def prompt(self, seed: int, index: int) -> Prompt:
        """Return the `index`-th prompt of a seed, whichever others were asked for."""
        draw = random.Random(f"{seed}:{index}")  # noqa: S311 - a draw, not a secret
        weights = [weight for _, weight, _ in self.media]
        kind, _, names = draw.choices(self.media, weights)[0]
        subject = draw.choice(self.parts["subjects"])
        if draw.random() < 0.6:
            subject += " " + draw.choice(self.parts["settings"])
        words = [f"{draw.choice(names)} of {subject}"]
        for part, chance in _OPTIONAL:
            if draw.random() < chance:
                chosen = draw.choice(self.parts[part])
                words.append(f"{chosen} in mood" if part == "moods" else chosen)
        text = ", ".join(words)
        return Prompt(text[0].upper() + text[1:], kind)


@cache
def bank() -> Bank:
    """Read the bank once."""
    document = tomllib.loads(BANK.read_text(encoding="utf-8"))
    media = tuple((m["kind"], float(m["weight"]), tuple(m["names"])) for m in document["media"])
    return Bank(media, {name: tuple(words) for name, words in document["parts"].items()})
