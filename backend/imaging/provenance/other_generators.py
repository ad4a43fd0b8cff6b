"""Generators that each write their parameters in a way of their own."""

from __future__ import annotations

import re

from backend.imaging.provenance.exif_fields import ExifFields
from backend.imaging.provenance.finding import Finding, json_object, text_of

_JOB = re.compile(r"\bJob ID: [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\s*$")
_MIDJOURNEY_VERSION = re.compile(r"--(v|niji) (\d[\d.]{0,4})")
_UUID = re.compile(r"^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
_GROK_SIGNATURE = re.compile(r"^Signature: [A-Za-z0-9+/]{40,}={0,2}$")
_DREAM_STEPS, _DREAM_SEED = re.compile(r" -s ?\d"), re.compile(r" -S ?\d")
_FOOOCUS = frozenset({"base_model", "guidance_scale", "performance", "sharpness", "styles"})


def fooocus(texts: dict[str, str], exif: ExifFields) -> Finding | None:
    """Recognise Fooocus' JSON in `parameters`, or in EXIF's UserComment."""
    for text in (texts.get("parameters"), exif.get("UserComment")):
        found = json_object(text)
        if len(_FOOOCUS & found.keys()) >= 3:
            return Finding(
                "Fooocus",
                text_of(found.get("version")).removeprefix("Fooocus").strip(),
                text_of(found.get("base_model")),
                text_of(found.get("prompt")),
            )
    return None


def swarmui(texts: dict[str, str], exif: ExifFields) -> Finding | None:
    """Recognise SwarmUI's JSON in `parameters`, or in EXIF's UserComment."""
    for text in (texts.get("parameters"), exif.get("UserComment")):
        found = json_object(text).get("sui_image_params")
        if isinstance(found, dict):
            version, model, prompt = (found.get(k) for k in ("swarm_version", "model", "prompt"))
            return Finding("SwarmUI", text_of(version), text_of(model), text_of(prompt))
    return None


def invokeai(texts: dict[str, str], exif: ExifFields) -> Finding | None:
    """Recognise InvokeAI's three forms: metadata and graph, `sd-metadata`, `Dream`."""
    newest = json_object(texts.get("invokeai_metadata"))
    if newest or json_object(texts.get("invokeai_graph")):
        model = newest.get("model")
        name = model.get("name") or model.get("model_name") if isinstance(model, dict) else ""
        version, prompt = newest.get("app_version"), newest.get("positive_prompt")
        return Finding("InvokeAI", text_of(version), text_of(name), text_of(prompt))
    second = json_object(texts.get("sd-metadata"))
    if text_of(second.get("app_id")).startswith("invoke-ai/"):
        return Finding(
            "InvokeAI", text_of(second.get("app_version")), "", _invoke_prompt(second.get("image"))
        )
    # The oldest form is a command line: the prompt in quotation marks, then its options.
    opening, _, command = texts.get("Dream", "").partition('"')
    prompt, closing, options = command.rpartition('"')
    is_dream = closing and not opening and _DREAM_STEPS.search(options)
    return Finding("InvokeAI", "", "", prompt) if is_dream and _DREAM_SEED.search(options) else None


def _invoke_prompt(image: object) -> str:
    prompt = image.get("prompt") if isinstance(image, dict) else ""
    if isinstance(prompt, list):
        prompt = next((p.get("prompt") for p in prompt if isinstance(p, dict)), "")
    return text_of(prompt)


def novelai(texts: dict[str, str], exif: ExifFields) -> Finding | None:
    """Recognise NovelAI: its name as the software, and parameters as JSON in `Comment`."""
    found = json_object(texts.get("Comment") or exif.get("UserComment"))
    if isinstance(found.get("Comment"), str):  # in EXIF the texts stand in one JSON object
        texts = {**{k: v for k, v in found.items() if isinstance(v, str)}, **texts}
        found = json_object(found["Comment"])
    named = "NovelAI" in (texts.get("Software"), exif.get("Software"))
    if not named or not {"steps", "seed"} <= found.keys():
        return None
    prompt = text_of(found.get("prompt")) or texts.get("Description", "")
    return Finding("NovelAI", "", texts.get("Source", ""), prompt)


def easy_diffusion(texts: dict[str, str], exif: ExifFields) -> Finding | None:
    """Recognise Easy Diffusion: its settings, each as a text of its own."""
    if not {"use_stable_diffusion_model", "prompt", "seed"} <= texts.keys():
        return None
    return Finding("Easy Diffusion", "", texts["use_stable_diffusion_model"], texts["prompt"])


def midjourney(texts: dict[str, str], exif: ExifFields) -> Finding | None:
    """Recognise Midjourney's description: the prompt, its options, and the id of the job."""
    for text in (texts.get("Description", ""), exif.get("ImageDescription")):
        job = _JOB.search(text[:20_000])
        if job:
            prompt = text[: job.start()].strip()
            version = _MIDJOURNEY_VERSION.search(prompt)
            number = version[2] if version else ""
            is_niji = version is not None and version[1] == "niji"
            return Finding("Midjourney", f"niji {number}" if is_niji else number, "", prompt)
    return None


def grok(texts: dict[str, str], exif: ExifFields) -> Finding | None:
    """Recognise Grok: a signature of its own as the description, and a UUID as the artist.

    The signature cannot be checked: its key is not published.
    """
    signature = _GROK_SIGNATURE.match(exif.get("ImageDescription"))
    return Finding("Grok (xAI)") if signature and _UUID.match(exif.get("Artist")) else None
