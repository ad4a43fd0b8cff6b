"""Drawn pictures with metadata in every container that can hold it."""

from __future__ import annotations

import gzip
import io
import json
from functools import cache
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from backend.domain import Evidence
from backend.imaging.decode import decode
from backend.imaging.provenance.ledger import Ledger, shipped_ledger
from tests.pictures import draw

EXIF_CONTAINERS = ("JPEG", "PNG", "WEBP", "AVIF")
XMP_CONTAINERS = (*EXIF_CONTAINERS, "GIF")
_FIELDS = {
    "ImageDescription": 0x010E,
    "Make": 0x010F,
    "Model": 0x0110,
    "Software": 0x0131,
    "Artist": 0x013B,
    "Copyright": 0x8298,
}
_EXIF_IFD = 0x8769
_INNER_FIELDS = {"LensModel": 0xA434, "MakerNote": 0x927C, "UserComment": 0x9286}
NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "TC260": "http://www.tc260.org.cn/ns/AIGC/1.0/",
}


def write(
    format: str = "PNG",
    *,
    exif: dict[str, str | bytes] | None = None,
    xmp: str | None = None,
    texts: dict[str, str] | None = None,
    picture: Image.Image | None = None,
) -> bytes:
    """Return a drawn picture's file with EXIF fields, an XMP packet and PNG texts."""
    options: dict[str, Any] = {}
    if exif:
        options["exif"] = exif_block(exif)
    if xmp and format != "GIF":
        options["xmp"] = xmp.encode()
    if format == "PNG":
        options.pop("xmp", None)
        options["pnginfo"] = _png_texts(texts or {}, xmp)
    buffer = io.BytesIO()
    (picture or _small()).save(buffer, format, **options)
    data = buffer.getvalue()
    return _gif_with_xmp(data, xmp) if xmp and format == "GIF" else data


@cache
def _small() -> Image.Image:
    return draw(96, 80)


def exif_block(fields: dict[str, str | bytes]) -> bytes:
    """Return an EXIF block; a UserComment is written as UTF-16, as WebUI does."""
    exif = Image.Exif()
    inner = exif.get_ifd(_EXIF_IFD)
    for name, value in fields.items():
        if name in _FIELDS:
            exif[_FIELDS[name]] = value
        elif name == "UserComment" and isinstance(value, str):
            inner[_INNER_FIELDS[name]] = b"UNICODE\0" + value.encode("utf-16-be")
        else:
            inner[_INNER_FIELDS[name]] = value
    return exif.tobytes()


def packet(attributes: dict[str, str] | None = None, elements: dict[str, str] | None = None) -> str:
    """Return an XMP packet of one description with simple properties."""
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    simple = " ".join(f"{name}={quoteattr(value)}" for name, value in (attributes or {}).items())
    nested = "".join(
        f"<{name}>{escape(value)}</{name}>" for name, value in (elements or {}).items()
    )
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {spaces} {simple}>{nested}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta>\n   \n<?xpacket end="w"?>'
    )


def _png_texts(texts: dict[str, str], xmp: str | None) -> PngInfo:
    info = PngInfo()
    for keyword, text in texts.items():
        info.add_text(keyword, text)
    if xmp:
        info.add_itxt("XML:com.adobe.xmp", xmp)
    return info


def _gif_with_xmp(data: bytes, xmp: str) -> bytes:
    trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    block = b"\x21\xff\x0bXMP DataXMP" + xmp.encode() + trailer
    header = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    return data[:header] + block + data[header:]


def hide(image: Image.Image, form: str) -> Image.Image:
    """Return an RGBA picture with NovelAI's texts in its lowest bits.

    `form` is the end of the signature: pnginfo or rgbinfo, or pngcomp or rgbcomp for gzip.
    """
    text = json.dumps(NOVELAI).encode()
    body = gzip.compress(text) if form.endswith("comp") else text
    hidden = f"stealth_{form}".encode() + (8 * len(body)).to_bytes(4) + body
    pixels = np.asarray(image).copy()
    channels = pixels[..., 3:] if form.startswith("png") else pixels[..., :3]
    bits = np.unpackbits(np.frombuffer(hidden, np.uint8))
    columns = np.ascontiguousarray(channels.swapaxes(0, 1)).reshape(-1)
    columns[: bits.size] = columns[: bits.size] & 254 | bits
    height, width = pixels.shape[:2]
    channels[:] = columns.reshape(width, height, -1).swapaxes(0, 1)
    return Image.fromarray(pixels)


def read(data: bytes, ledger: Ledger | None = None) -> dict[str, Evidence]:
    """Return the findings of a file by kind; of one kind, the first."""
    rows = (ledger or shipped_ledger()).read(data, decode(data).image)
    found: dict[str, Evidence] = {}
    for row in rows:
        found.setdefault(row.kind, row)
    return found


# What each generator writes, as its own pictures have it; the pictures are ours.
INFOTEXT = (
    "a lighthouse at dusk, <lora:ink:0.8>\nNegative prompt: blurry\nSteps: 20, Sampler: DPM++ 2M, "
    "CFG scale: 7, Seed: 1234, Size: 512x512, Model hash: c0ffee1234, Model: harbour_v2, Version: "
    "v1.9.4"
)
_GRAPH = {
    "3": {
        "class_type": "KSampler",
        "inputs": {"seed": 1, "steps": 20, "positive": ["6", 0], "model": ["4", 0]},
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "harbour.safetensors"}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a lighthouse at dusk"}},
}
COMFY_PROMPT = json.dumps(_GRAPH)
COMFY_WORKFLOW = json.dumps({"nodes": [{"type": "KSampler"}], "links": [], "version": 0.4})
ENLARGEMENT = json.dumps(
    {
        "1": {"class_type": "LoadImage", "inputs": {"image": "scan.png"}},
        "2": {"class_type": "ImageUpscaleWithModel", "inputs": {"image": ["1", 0]}},
    }
)
FOOOCUS = json.dumps(
    {
        "base_model": "juggernautXL",
        "guidance_scale": 4.0,
        "performance": "Speed",
        "prompt": "a lighthouse at dusk",
        "sharpness": 2.0,
        "styles": "[]",
        "version": "Fooocus v2.5.5",
    }
)
NOVELAI = {
    "Title": "AI generated image",
    "Description": "a lighthouse at dusk",
    "Software": "NovelAI",
    "Source": "Stable Diffusion XL 9CC2F394",
    "Comment": json.dumps({"prompt": "a lighthouse at dusk", "steps": 28, "seed": 7}),
}
MIDJOURNEY = "a lighthouse at dusk --ar 3:2 --v 6.1 Job ID: 0a1b2c3d-0a1b-4c2d-8e3f-0123456789ab"
GROK = {
    "ImageDescription": "Signature: " + "QUJD" * 24 + "==",
    "Artist": "0a1b2c3d-0a1b-4c2d-8e3f-0123456789ab",
}
SWARM = json.dumps(
    {
        "sui_image_params": {
            "prompt": "a lighthouse at dusk",
            "model": "flux",
            "swarm_version": "0.9",
        }
    }
)
INVOKE = json.dumps(
    {
        "app_version": "5.4.0",
        "positive_prompt": "a lighthouse at dusk",
        "model": {"name": "harbour"},
    }
)
PROMPT = "a lighthouse at dusk"

GENERATORS: dict[str, tuple[str, dict[str, str], dict[str, str | bytes]]] = {
    "webui in png": ("AUTOMATIC1111", {"parameters": INFOTEXT}, {}),
    "webui in exif": ("AUTOMATIC1111", {}, {"UserComment": INFOTEXT}),
    "comfyui in png": ("ComfyUI", {"prompt": COMFY_PROMPT, "workflow": COMFY_WORKFLOW}, {}),
    "comfyui in exif": ("ComfyUI", {}, {"Model": "prompt:" + COMFY_PROMPT}),
    "comfyui drawn": ("ComfyUI", {"workflow": COMFY_WORKFLOW}, {}),
    "fooocus in png": ("Fooocus", {"parameters": FOOOCUS, "fooocus_scheme": "fooocus"}, {}),
    "fooocus in exif": ("Fooocus", {}, {"UserComment": FOOOCUS}),
    "swarmui in png": ("SwarmUI", {"parameters": SWARM}, {}),
    "swarmui in exif": ("SwarmUI", {}, {"UserComment": SWARM}),
    "invokeai": ("InvokeAI 5.4.0", {"invokeai_metadata": INVOKE}, {}),
    "novelai": ("NovelAI", NOVELAI, {}),
    "novelai in exif": (
        "NovelAI",
        {},
        {"Software": "NovelAI", "UserComment": json.dumps(NOVELAI)},
    ),
    "midjourney in png": ("Midjourney 6.1", {"Description": MIDJOURNEY, "Author": "someone"}, {}),
    "midjourney in exif": ("Midjourney", {}, {"ImageDescription": MIDJOURNEY}),
    "grok": ("Grok", {}, dict(GROK)),
    "easy diffusion": (
        "Easy Diffusion",
        {"use_stable_diffusion_model": "harbour", "prompt": PROMPT, "seed": "7"},
        {},
    ),
}
