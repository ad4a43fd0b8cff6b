"""Bytes of every kind of file that is read, and the pixels that come out."""

from __future__ import annotations

import hashlib
import io
import struct
import threading
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from backend.errors import BadInput, UnsupportedType
from backend.imaging.decode import decode
from backend.imaging.exif import orientation
from tests.imaging import files
from tests.pictures import draw, encode, jpeg

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(decode(data).image, dtype=np.int16)


def centre(data: bytes) -> tuple[int, ...]:
    image = decode(data).image
    return image.getpixel((image.width // 2, image.height // 2))


@pytest.mark.parametrize("format", FORMATS)
def test_each_format_gives_an_rgb_picture_and_its_facts(format):
    """A file of each format is decoded to RGB, with its facts taken from the original bytes."""
    data = encode(draw(160, 120), format)
    decoded = decode(data)
    assert decoded.image.mode == "RGB"
    assert decoded.image.size == (160, 120)
    facts = decoded.facts
    assert (facts.format, facts.width, facts.height) == (format, 160, 120)
    assert (facts.bytes, facts.frames) == (len(data), 1)
    assert facts.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_pixels_are_those_of_a_plain_decoder(format):
    """Leaving out metadata changes no pixel against Pillow's own reading of the same file."""
    data = encode(draw(160, 120), format, exif=files.exif(1), dpi=(72, 72))
    theirs = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=np.int16)
    assert np.array_equal(pixels(data), theirs)


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 0}, {"quality": 40}])
def test_jpeg_variants(options):
    """Progressive and differently sampled JPEG files decode to Pillow's pixels."""
    data = encode(draw(), "JPEG", **options)
    assert np.array_equal(pixels(data), np.asarray(Image.open(io.BytesIO(data))))


def test_interlaced_png():
    """An Adam7-interlaced PNG decodes like its plain twin."""
    # Seven passes over a picture of 1 x 1 hold one pixel: the smallest interlaced file.
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 1)
    data = (
        files.SIGNATURE
        + files.chunk(b"IHDR", header)
        + files.chunk(b"IDAT", zlib.compress(b"\0\x0a\x14\x1e"))
        + files.chunk(b"IEND")
    )
    assert centre(data) == (10, 20, 30)


# ---- orientation ------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", [">", "<"])
def test_exif_orientation_is_applied(orientation, order):
    """Each of EXIF's eight orientations, in both byte orders, comes out upright."""
    block = files.exif(orientation, order)
    data = encode(draw(64, 48), "JPEG", exif=block)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    decoded = decode(data)
    assert np.array_equal(np.asarray(decoded.image), np.asarray(upright))
    assert (decoded.facts.width, decoded.facts.height) == upright.size


@pytest.mark.parametrize("format", ["PNG", "WEBP", "AVIF"])
def test_orientation_of_other_formats(format):
    """Orientation is read from PNG, WebP and AVIF files too."""
    picture = draw(64, 48)
    data = encode(picture, format, exif=files.exif(6), lossless=True)
    decoded = decode(data)
    assert decoded.image.size == (48, 64)
    turned = np.asarray(picture.transpose(Image.Transpose.ROTATE_270), dtype=np.int16)
    assert np.abs(np.asarray(decoded.image, dtype=np.int16) - turned).mean() < 12


def test_the_picture_carries_no_orientation_of_its_own():
    """What is handed on is upright and says so: turning it by EXIF again changes nothing."""
    image = decode(encode(draw(64, 48), "JPEG", exif=files.exif(6))).image
    assert image.info == {}
    assert ImageOps.exif_transpose(image).size == image.size


@pytest.mark.parametrize(
    "block",
    [
        b"Exif\0\0",
        b"Exif\0\0MM\0*\0\0\0\x08",
        b"Exif\0\0MM\0*\xff\xff\xff\xff\0\x01",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x00" * 30,
        files.exif(0),
        files.exif(9),
        files.exif(65535),
        b"Exif\0\0" + b"\xff" * 60,
    ],
)
def test_damaged_exif_is_no_obstacle(block):
    """A damaged EXIF block is passed over: the picture is shown as it lies."""
    data = files.after_soi(jpeg(64, 48), files.jpeg_segment(0xE1, block))
    assert decode(data).image.size == (64, 48)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_orientations_that_do_not_exist(value):
    """A value that EXIF does not define is upright."""
    assert orientation(files.exif(value)) == orientation(None) == 1


# ---- colour -----------------------------------------------------------------------------------


def test_cmyk_jpeg():
    """A CMYK JPEG, stored inverted as Adobe's programs do, comes out in its true colours."""
    data = encode(files.solid("CMYK", (0, 255, 255, 0)), "JPEG", quality=95)
    red, green, blue = centre(data)
    assert red > 240
    assert green < 15
    assert blue < 15


def test_ycck_jpeg():
    """A four-component JPEG that Adobe's marker says is YCCK is converted through CMYK."""
    data = encode(files.solid("CMYK", (0, 255, 255, 0)), "JPEG", quality=95)
    at = data.index(b"Adobe") + 11
    ycck = data[:at] + b"\x02" + data[at + 1 :]
    theirs = Image.open(io.BytesIO(ycck)).convert("RGB")
    assert np.array_equal(pixels(ycck), np.asarray(theirs))
    assert not np.array_equal(pixels(ycck), pixels(data))


def test_grey_jpeg():
    """A JPEG of luminance alone becomes a grey RGB picture."""
    assert centre(encode(files.solid("L", 90), "JPEG")) == (90, 90, 90)


def test_sixteen_bit_grey_is_scaled_not_clipped():
    """A 16-bit grey PNG keeps its range: 0x4080 becomes 0x40, not white."""
    rows = struct.pack(">4H", 0x0000, 0x4080, 0x8000, 0xFFFF)
    image = decode(files.png(4, 1, rows, depth=16, colour=0)).image
    assert [image.getpixel((x, 0))[0] for x in range(4)] == [0x00, 0x40, 0x80, 0xFF]


@pytest.mark.parametrize(("colour", "samples"), [(2, 3), (4, 2), (6, 4)])
def test_sixteen_bit_colour_and_alpha_are_scaled(colour, samples):
    """16-bit RGB, grey with alpha and RGB with alpha are scaled to 8 bits as well."""
    values = (0x4080, 0x8000, 0xC0FF)[: 3 if samples > 2 else 1]
    pixel = (*values, 0xFFFF) if samples in (2, 4) else values
    rows = struct.pack(f">{samples}H", *pixel)
    expected = tuple(value >> 8 for value in values)
    expected = expected * 3 if len(expected) == 1 else expected
    assert centre(files.png(1, 1, rows, depth=16, colour=colour)) == expected


def test_sixteen_bit_transparent_colour():
    """16-bit PNG files with one transparent value decode; in grey it becomes white."""
    grey = files.chunk(b"tRNS", struct.pack(">H", 0x1234))
    rows = struct.pack(">2H", 0x1234, 0x4000)
    image = decode(files.png(2, 1, rows, depth=16, colour=0, extra=grey)).image
    assert [image.getpixel((x, 0))[0] for x in range(2)] == [255, 0x40]
    colour = files.chunk(b"tRNS", struct.pack(">3H", 0x1234, 0x1234, 0x1234))
    rows = struct.pack(">3H", 0x4000, 0x5000, 0x6000)
    assert centre(files.png(1, 1, rows, depth=16, extra=colour)) == (0x40, 0x50, 0x60)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_small_grey_depths_are_stretched(depth):
    """Grey of 1, 2 or 4 bits reaches from black to white."""
    assert centre(files.png(1, 1, b"\xff", depth=depth, colour=0)) == (255, 255, 255)
    assert centre(files.png(1, 1, b"\x00", depth=depth, colour=0)) == (0, 0, 0)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "AVIF"])
def test_alpha_is_laid_on_white(format):
    """Clear parts are white, half-clear ones half white, opaque ones themselves."""
    image = files.solid("RGBA", (0, 0, 0, 0), (48, 16))
    image.paste((200, 0, 0, 128), (16, 0, 32, 16))
    image.paste((0, 0, 200, 255), (32, 0, 48, 16))
    decoded = decode(encode(image, format, lossless=True, quality=100)).image
    for x, expected in ((8, (255, 255, 255)), (24, (227, 127, 127)), (40, (0, 0, 200))):
        assert np.abs(np.subtract(decoded.getpixel((x, 8)), expected)).max() < 8


def test_grey_with_alpha():
    """Grey with alpha is laid on white as well."""
    assert centre(encode(files.solid("LA", (0, 128)), "PNG")) == (127, 127, 127)


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_palette_with_a_transparent_entry(format):
    """A palette entry that is transparent shows white, whatever colour lies under it."""
    image = files.solid("P", 1)
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    image.paste(2, (0, 0, 10, 30))
    data = encode(image, format, transparency=1)
    assert centre(data) == (255, 255, 255)
    assert decode(data).image.getpixel((5, 15)) == (0, 255, 0)


def test_palette_with_an_alpha_for_each_entry():
    """A PNG palette may be half-clear entry by entry."""
    image = files.solid("P", 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    assert centre(encode(image, "PNG", transparency=bytes((255, 128)))) == (255, 127, 127)


def test_transparent_colour_without_alpha():
    """One colour of an RGB PNG may be declared transparent."""
    assert centre(encode(files.solid("RGB", (1, 2, 3)), "PNG", transparency=(1, 2, 3))) == (
        255,
        255,
        255,
    )


def test_one_bit_picture():
    """Black and white of one bit a pixel becomes black and white."""
    image = files.solid("1", 0)
    image.paste(1, (0, 0, 10, 30))
    decoded = decode(encode(image, "PNG")).image
    assert decoded.getpixel((5, 5)) == (255, 255, 255)
    assert decoded.getpixel((30, 5)) == (0, 0, 0)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_a_foreign_profile_is_followed(format):
    """Numbers in another colour space become the sRGB numbers of the same colours."""
    data = encode(files.solid("RGB", (250, 10, 10)), format, icc_profile=files.swapped_profile())
    red, green, _ = centre(data)
    assert green > 200 > red


def test_srgb_profile_changes_nothing():
    """A picture that says it is sRGB keeps its exact values."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain, tagged = encode(draw(), "JPEG"), encode(draw(), "JPEG", icc_profile=profile)
    assert np.array_equal(pixels(plain), pixels(tagged))


@pytest.mark.parametrize("mode", ["RGBA", "P", "LA", "L", "1", "CMYK"])
def test_a_profile_meets_every_mode(mode):
    """A profile that does not fit the picture's kind of colour is ignored, never a failure."""
    format = "JPEG" if mode == "CMYK" else "PNG"
    data = encode(draw(60, 50, mode=mode), format, icc_profile=files.swapped_profile())
    assert decode(data).image.mode == "RGB"


@pytest.mark.parametrize("profile", [b"", b"nonsense" * 40, files.swapped_profile()[:200]])
def test_an_unreadable_profile_is_ignored(profile):
    """A damaged profile does not stand in the way of the picture."""
    data = encode(draw(60, 50), "JPEG", icc_profile=profile)
    assert np.array_equal(pixels(data), pixels(encode(draw(60, 50), "JPEG")))


def test_a_profile_in_pieces_must_be_whole():
    """A profile whose pieces are not all there is ignored."""
    piece = files.jpeg_segment(0xE2, b"ICC_PROFILE\0\x02\x02" + files.swapped_profile())
    data = files.after_soi(encode(files.solid("RGB", (250, 10, 10)), "JPEG"), piece)
    assert centre(data)[0] > 240


# ---- animations and several pictures in one ---------------------------------------------------


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "AVIF"])
def test_first_frame_of_an_animation(format):
    """Of an animation the first frame is decoded, and the number of frames is told."""
    decoded = decode(files.animation(format, 5))
    assert decoded.facts.frames == 5
    first = np.asarray(draw(60, 50, 0), dtype=np.int16)
    assert np.abs(np.asarray(decoded.image, dtype=np.int16) - first).mean() < 20


def test_png_animation_with_a_picture_of_its_own_for_old_viewers():
    """An animated PNG may begin with a default image, which counts as one more frame."""
    decoded = decode(files.animation("PNG", 4, default_image=True))
    assert decoded.facts.frames == 4


def test_multi_picture_jpeg_is_a_jpeg():
    """An MPO file, as stereo cameras and phones write, is a JPEG of one frame."""
    data = encode(draw(), "MPO", save_all=True, append_images=[draw(seed=1)])
    facts = decode(data).facts
    assert (facts.format, facts.frames) == ("JPEG", 1)


def test_a_gif_frame_beyond_the_screen_grows_it():
    """A GIF whose first frame is larger than its screen is as large as the frame."""
    data = bytearray(encode(draw(60, 50), "GIF"))
    data[6:10] = struct.pack("<HH", 5, 5)
    assert decode(bytes(data)).image.size == (60, 50)


# ---- what is no such file ---------------------------------------------------------------------


def test_no_bytes():
    """An empty upload is told so."""
    with pytest.raises(BadInput, match="empty"):
        decode(b"")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b'<?xml version="1.0"?>\n<!-- c -->\n<SVG width="9"></SVG>', "SVG"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (encode(draw(), "TIFF"), "TIFF"),
        (encode(draw(), "BMP"), "BMP"),
        (encode(draw(), "PDF"), "PDF"),
        (encode(draw(), "EPS"), "PostScript"),
        (b"8BPS\0\x01" + b"\0" * 40, "Photoshop"),
        (encode(draw(60, 50), "ICO"), "icon"),
        (encode(draw(), "JPEG2000"), "JPEG 2000"),
        (encode(draw(), "PPM"), "no picture format"),
        (encode(draw(), "TGA"), "no picture format"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 40, "HEIC"),
        (b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 40, "no picture format"),
        (b"hello", "no picture format"),
        (b"\xff", "no picture format"),
        (b"\0" * 1000, "no picture format"),
    ],
)
def test_other_formats_are_named_and_refused(data, name):
    """Anything but the five formats is refused as such, by content, with the name of what it is."""
    with pytest.raises(UnsupportedType, match=name):
        decode(data)


def test_the_name_given_to_bytes_does_not_matter():
    """A PNG signature in front of a TIFF file does not bring a TIFF reader into play."""
    with pytest.raises(Exception, match="PNG") as refused:
        decode(files.SIGNATURE + encode(draw(), "TIFF"))
    assert refused.value.code == "undecodable_image"


def test_threads_get_the_same_pixels():
    """Eight threads that decode at once get what one gets, warnings and all."""
    samples = [encode(draw(200, 150, seed), FORMATS[seed % 5]) for seed in range(10)]
    expected = [hashlib.sha256(decode(data).image.tobytes()).digest() for data in samples]
    wrong: list[int] = []

    def work() -> None:
        for index, data in enumerate(samples):
            got = hashlib.sha256(decode(data).image.tobytes()).digest()
            if got != expected[index]:
                wrong.append(index)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
