"""Bombs, lies and truncations: each is refused by a sentence, from the header where it can be."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image, ImageFile

from backend.errors import TooLarge, UndecodableImage
from backend.imaging import decode as decode_module
from backend.imaging.containers import gif, jpeg, png, read_container, webp
from backend.imaging.decode import decode
from tests.imaging import files
from tests.pictures import draw, encode
from tests.pictures import jpeg as drawn_jpeg


@pytest.fixture
def no_pixels(monkeypatch):
    """Let no pixel be decoded: refusals must come from the header."""

    def refuse(self: object) -> None:
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", refuse)


def huge_webp(kind: bytes) -> bytes:
    bodies = {
        b"VP8X": b"\x00\0\0\0" + (16383).to_bytes(3, "little") * 2,
        b"VP8 ": b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 16383, 16383),
        b"VP8L": b"\x2f" + (16382 | 16382 << 14).to_bytes(4, "little") + b"\0" * 5,
    }
    body = bodies[kind]
    inner = b"WEBP" + kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(inner)) + inner


def huge_jpeg() -> bytes:
    data = drawn_jpeg(64, 48)
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", 60000, 60000) + data[at + 4 :]


def huge_gif() -> bytes:
    return files.gif_screen(65535, 65535) + b",\0\0\0\0\1\0\1\0\0\x02\x02\x44\x01\0;"


def huge_gif_frame() -> bytes:
    return files.gif_screen(1, 1) + b",\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x44\x01\0;"


def huge_avif(side: int) -> bytes:
    data = bytearray(encode(draw(64, 48), "AVIF"))
    at = data.index(b"ispe") + 8
    data[at : at + 8] = struct.pack(">II", side, side)
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        files.png(60000, 60000, b""),
        huge_jpeg(),
        huge_webp(b"VP8X"),
        huge_webp(b"VP8 "),
        huge_webp(b"VP8L"),
        huge_gif(),
        huge_gif_frame(),
        huge_avif(7100),
        huge_avif(11000),
        huge_avif(16000),
    ],
    ids=["PNG", "JPEG", "VP8X", "VP8", "VP8L", "GIF", "GIF frame", "AVIF", "AVIF 2x", "AVIF 4x"],
)
@pytest.mark.usefixtures("no_pixels")
def test_pixel_bombs_are_refused_from_the_header(data):
    """A small file that declares a huge picture is refused before a pixel is decoded."""
    with pytest.raises(TooLarge, match="pixels"):
        decode(data)


def test_the_pixel_limit_is_exact():
    """A picture of exactly the limit is decoded, one more row is not."""
    assert decode(drawn_jpeg(100, 50), max_pixels=5000).image.size == (100, 50)
    with pytest.raises(TooLarge, match="100 x 51 pixels"):
        decode(drawn_jpeg(100, 51), max_pixels=5000)


@pytest.mark.usefixtures("no_pixels")
def test_the_byte_limit_comes_first():
    """A file beyond 20 MB is refused by its length, whatever is in it."""
    with pytest.raises(TooLarge, match="20 MB"):
        decode(drawn_jpeg() + b"\0" * (20 * 1024 * 1024))


def test_out_of_memory_is_told(monkeypatch):
    """Where memory runs out while decoding, the caller is told and the process goes on."""

    def exhausted(self: object) -> None:
        raise MemoryError

    monkeypatch.setattr(ImageFile.ImageFile, "load", exhausted)
    with pytest.raises(TooLarge, match="memory"):
        decode(encode(draw(), "PNG"))


def test_truncated_images_stay_refused():
    """Nothing has switched on Pillow's tolerance for truncated files."""
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    assert decode_module.MAX_PIXELS < Image.MAX_IMAGE_PIXELS


# ---- truncations ------------------------------------------------------------------------------

WHOLE = {
    "JPEG": encode(draw(96, 80), "JPEG"),
    "progressive JPEG": encode(draw(96, 80), "JPEG", progressive=True),
    "PNG": encode(draw(96, 80), "PNG"),
    "WebP": encode(draw(96, 80), "WEBP"),
    "lossless WebP": encode(draw(96, 80), "WEBP", lossless=True),
    "GIF": encode(draw(96, 80), "GIF"),
    "AVIF": encode(draw(96, 80), "AVIF"),
}
# What may be missing without any pixel missing: PNG's end chunk, GIF's end of block and trailer.
SPARE = {"PNG": 12, "GIF": 2}


@pytest.mark.parametrize("kind", WHOLE)
def test_truncations_are_refused(kind):
    """A file that ends too early is refused wherever it is cut."""
    data = WHOLE[kind]
    last = len(data) - SPARE.get(kind, 0)
    for end in {*range(16, last, max(1, last // 150)), *range(last - 24, last)}:
        with pytest.raises(UndecodableImage, match=r"damaged|holds no picture"):
            decode(data[:end])


def test_png_without_its_end_is_whole():
    """A PNG whose image data are complete is decoded though its end chunk is missing."""
    assert decode(WHOLE["PNG"][:-12]).image.size == (96, 80)


def test_a_gif_cut_in_a_later_frame_is_decoded():
    """Only the first frame has to be whole; frames that are not are not counted."""
    data = files.animation("GIF", 4)
    assert decode(data[:-40]).facts.frames == 3


def test_png_data_with_a_bad_checksum():
    """A flipped bit in PNG image data is found by its checksum, which Pillow does not look at."""
    data = bytearray(WHOLE["PNG"])
    data[data.index(b"IDAT") + 40] ^= 1
    with pytest.raises(UndecodableImage, match="checksum"):
        decode(bytes(data))


def test_png_that_inflates_to_far_too_much():
    """Image data that inflate beyond the declared picture are not inflated to the end."""
    bomb = files.chunk(b"IDAT", zlib.compress(b"\0" * 50_000_000))
    data = files.png(4, 2, b"\x10" * 24)
    start, end = data.index(b"IDAT") - 4, data.index(b"IEND") - 4
    assert decode(data[:start] + bomb + data[end:]).image.size == (4, 2)


# ---- files that cost the decoder more than they cost their maker ------------------------------


def test_metadata_never_reaches_the_decoder():
    """Text, profiles, EXIF and comments are not in what Pillow is given."""
    secret = b"a prompt of many words"
    text = files.chunk(b"tEXt", b"parameters\0" + secret) + files.chunk(b"prVt", secret)
    assert secret not in read_container(files.before_idat(WHOLE["PNG"], text)).pixels
    segments = files.jpeg_segment(0xFE, secret) + files.jpeg_segment(0xE1, b"http://ns" + secret)
    container = read_container(files.after_soi(WHOLE["JPEG"], segments))
    assert secret not in container.pixels
    assert container.pixels == WHOLE["JPEG"]


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_text_bombs_are_not_inflated(kind):
    """Compressed text or a profile of 50 MB in a small PNG is passed over."""
    packed = zlib.compress(b"\0" * 50_000_000)
    heads = {b"zTXt": b"key\0\0", b"iTXt": b"key\0\1\0\0\0", b"iCCP": b"name\0\0"}
    data = files.before_idat(WHOLE["PNG"], files.chunk(kind, heads[kind] + packed))
    assert decode(data).image.size == (96, 80)


def test_only_one_profile_is_inflated(monkeypatch):
    """Of thousands of packed profiles in one PNG, each 4 MB when unpacked, one is unpacked."""
    unpacked = []
    original = png._inflated
    monkeypatch.setattr(png, "_inflated", lambda body: unpacked.append(1) or original(body))
    profile = files.chunk(b"iCCP", b"name\0\0" + zlib.compress(b"\0" * 4_000_000))
    assert decode(files.before_idat(WHOLE["PNG"], profile * 1000)).image.size == (96, 80)
    assert len(unpacked) == 1


def test_png_of_countless_chunks():
    """A PNG cut into a million empty chunks is refused after the first twenty thousand."""
    data = files.before_idat(WHOLE["PNG"], files.chunk(b"teSt") * (png.MAX_CHUNKS + 1))
    with pytest.raises(UndecodableImage, match="pieces"):
        decode(data)


def test_jpeg_of_countless_segments():
    """A JPEG with millions of empty segments is refused after the first four thousand."""
    data = files.after_soi(WHOLE["JPEG"], b"\xff\xfe\0\2" * (jpeg.MAX_SEGMENTS + 1))
    with pytest.raises(UndecodableImage, match="segments"):
        decode(data)


@pytest.mark.parametrize("junk", [b"\0", b"\xff", b"\xff\x00", b"\xff\xd0"])
def test_jpeg_of_megabytes_of_junk(junk):
    """Megabytes of padding where markers should be are skipped or refused, not crawled over."""
    filler = junk * (4_000_000 // len(junk))
    with pytest.raises(UndecodableImage):
        decode(b"\xff\xd8\xff\xfe\0\2" + filler)


def test_padding_between_segments_is_allowed():
    """Fill bytes before a marker, which T.81 allows, are no damage."""
    data = files.after_soi(WHOLE["JPEG"], b"\xff" * 1000)
    assert decode(data).image.size == (96, 80)


def test_jpeg_of_countless_scans():
    """A progressive JPEG that repeats a scan without end is refused."""
    data = WHOLE["progressive JPEG"]
    last = data.rfind(b"\xff\xda")
    scan = data[last:-2]
    few = data[:-2] + scan * 20 + data[-2:]
    assert decode(few).image.size == (96, 80)
    with pytest.raises(UndecodableImage, match="passes"):
        decode(data[:-2] + scan * jpeg.MAX_SCANS + data[-2:])


def test_what_follows_a_jpeg_does_not_count_as_scans():
    """Phones append a film to a photograph; its bytes may look like scan markers."""
    film = b"\x00\xff\xda\x00" * 1000
    assert decode(WHOLE["JPEG"] + film).image.size == (96, 80)


def test_a_large_jpeg_may_have_fewer_scans():
    """Passes are weighed by the size of the picture, since each touches all of it."""
    data = encode(Image.new("L", (7000, 7000), 128), "JPEG", progressive=True, quality=20)
    last = data.rfind(b"\xff\xda")
    assert read_container(data).size == (7000, 7000)
    with pytest.raises(UndecodableImage, match="passes"):
        read_container(data[:-2] + data[last:-2] * 20 + data[-2:])


def test_jpeg_of_two_frames():
    """Two frame headers in one JPEG, of which decoders choose differently, are refused."""
    data = WHOLE["JPEG"]
    frame = data[data.index(b"\xff\xc0") : data.index(b"\xff\xc0") + 19]
    with pytest.raises(UndecodableImage, match="two pictures"):
        decode(files.after_soi(data, frame))


@pytest.mark.parametrize(
    "comment",
    [b"!\xfe" + b"\1a" * gif.MAX_BLOCKS + b"\0", b"!\xfe\0" * (gif.MAX_BLOCKS + 1)],
    ids=["one of many blocks", "many of no block"],
)
def test_gif_of_endless_comments(comment):
    """A GIF with a comment of millions of blocks, or millions of comments, is refused."""
    data = WHOLE["GIF"]
    start = data.index(b",\0\0\0\0")
    with pytest.raises(UndecodableImage, match="pieces"):
        decode(data[:start] + comment + data[start:])


def test_gif_of_a_hundred_thousand_frames():
    """The frames of a very long GIF are counted as far as a fixed number of blocks."""
    frame = b",\0\0\0\0\1\0\1\0\0\x02\x02\x44\x01\0"
    facts = decode(files.gif_screen(1, 1) + frame * 300_000 + b";").facts
    assert facts.frames == gif.MAX_BLOCKS // 2


def test_webp_of_countless_chunks():
    """A WebP file cut into hundreds of thousands of empty chunks is refused."""
    chunks = b"teSt\0\0\0\0" * (webp.MAX_CHUNKS + 1)
    data = WHOLE["WebP"] + chunks
    data = data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
    with pytest.raises(UndecodableImage, match="pieces"):
        decode(data)


def test_exif_that_points_everywhere_at_once():
    """Thousands of EXIF entries that share one large value are not read, and nothing warns."""
    entries = b"".join(struct.pack(">HHII", 1000 + n, 7, 60_000, 8) for n in range(4000))
    block = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", 4000) + entries + b"\0" * 10_000
    for format in ("PNG", "WEBP"):
        assert decode(encode(draw(60, 50), format, exif=block)).image.size == (60, 50)
    # Pillow reads EXIF when it writes AVIF, so the block is put in place of a harmless one.
    harmless = block[:6] + b"MM\0*\0\0\0\x08\0\0" + b"\x55" * (len(block) - 16)
    avif = encode(draw(60, 50), "AVIF", exif=harmless)
    assert harmless[6:] in avif
    assert decode(avif.replace(harmless[6:], block[6:])).image.size == (60, 50)
    data = files.after_soi(WHOLE["JPEG"], files.jpeg_segment(0xE1, block[:65_000]))
    assert decode(data).image.size == (96, 80)


@pytest.mark.parametrize("kind", WHOLE)
def test_the_sentence_names_the_format(kind):
    """A refusal names the kind of file and what to do, and nothing of the machine inside."""
    data = WHOLE[kind]
    with pytest.raises(UndecodableImage) as refused:
        decode(data[: len(data) // 2])
    text = str(refused.value)
    assert kind.split()[-1] in text
    assert "Try to get it again" in text
    assert "0x" not in text
    assert "Error" not in text


def test_pillow_is_given_one_format_alone(monkeypatch):
    """Pillow is told which reader to use, so that no other one sees the bytes."""
    seen: list[object] = []
    original = Image.open

    def spying(fp: io.BytesIO, *args: object, **options: object) -> Image.Image:
        seen.append(options.get("formats"))
        return original(fp, *args, **options)

    monkeypatch.setattr(Image, "open", spying)
    for format in ("JPEG", "PNG", "WEBP", "GIF", "AVIF"):
        decode(encode(draw(60, 50), format))
    assert seen == [("JPEG",), ("PNG",), ("WEBP",), ("GIF",), ("AVIF",)]
