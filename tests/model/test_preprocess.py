"""The only definition of the network's input."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from torchvision.transforms import v2

from backend.errors import WeightsDamaged
from backend.model.preprocess import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Preprocessing,
    native_view,
    to_tensor,
    view,
    view_region,
)
from tests.pictures import draw

SIZES = [(640, 480), (481, 640), (257, 256), (200, 200), (1200, 230), (224, 901)]


@pytest.mark.parametrize("size", SIZES)
def test_it_is_torchvisions_resize_centre_crop_and_normalise(size: tuple[int, int]) -> None:
    """The tensor is torchvision's evaluation transforms', a grey level of rounding apart."""
    reference = v2.Compose(
        [
            v2.Resize(256, antialias=True),
            v2.CenterCrop(224),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]
    )
    picture = draw(*size, seed=sum(size))
    ours = to_tensor(picture, Preprocessing())
    assert ours.shape == (3, 224, 224)
    assert ours.dtype == np.float32
    apart = np.abs(ours - reference(picture).numpy())
    assert apart.max() <= 1.01 / 255 / min(IMAGENET_STD)
    assert apart.mean() < 0.3 / 255 / max(IMAGENET_STD)


@pytest.mark.parametrize("size", SIZES)
def test_the_region_is_the_part_of_the_picture_that_the_view_shows(size: tuple[int, int]) -> None:
    """A mark at the region's corner lies at the view's corner, one outside it does not."""
    spec = Preprocessing(resize_short_side_px=256, crop_px=128)
    left, top, right, bottom = view_region(*size, spec)
    picture = draw(*size, seed=1)
    corner = picture.crop(
        (
            round(left * size[0]),
            round(top * size[1]),
            round(right * size[0]),
            round(bottom * size[1]),
        )
    )
    shown = np.asarray(view(picture, spec), np.float32)
    expected = np.asarray(corner.resize((128, 128), spec.kernel), np.float32)
    assert float(np.mean(np.abs(shown - expected))) < 6
    assert 0 <= left < right <= 1
    assert 0 <= top < bottom <= 1


def test_the_native_view_is_the_most_detailed_square_untouched() -> None:
    """Of the four squares the grainy one is taken, its pixels as they were."""
    spec = Preprocessing(256, 256, native_from_short_side_px=400)
    picture = draw(1200, 900, seed=4).filter(ImageFilter.GaussianBlur(6))
    grain = Image.effect_noise((256, 256), 90).convert("RGB")
    picture.paste(grain, (1200 - 300 - 128, 900 - 225 - 128))
    native = native_view(picture, spec)
    assert native is not None
    assert np.array_equal(np.asarray(native), np.asarray(grain))


def test_small_pictures_have_no_native_view() -> None:
    """Below the card's limit, and where the card asks for none, only the global view is seen."""
    spec = Preprocessing(256, 256, native_from_short_side_px=400)
    assert native_view(draw(800, 399), spec) is None
    assert native_view(draw(800, 600), Preprocessing()) is None


@pytest.mark.parametrize("size", [(400, 400), (401, 2000), (3000, 400)])
def test_native_views_lie_within_the_picture(size: tuple[int, int]) -> None:
    """Whatever the shape, the square is whole: no black border from beyond the edge."""
    native = native_view(
        Image.new("RGB", size, (200, 200, 200)),
        Preprocessing(256, 256, native_from_short_side_px=400),
    )
    assert native is not None
    assert native.size == (256, 256)
    assert native.getextrema() == ((200, 200),) * 3


def test_it_travels_through_the_card_unchanged() -> None:
    """What a card holds reads back as the same preprocessing."""
    spec = Preprocessing(288, 256, "bicubic")
    assert Preprocessing.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    "damage", [{"crop_px": 300}, {"interpolation": "nearest"}, {"std": [0, 1, 1]}, {"gamma": 2}]
)
def test_a_card_it_cannot_follow_is_refused(damage: dict[str, object]) -> None:
    """Unknown or impossible preprocessing is an error, never a guess."""
    with pytest.raises(WeightsDamaged):
        Preprocessing.from_json(Preprocessing().to_json() | damage)
