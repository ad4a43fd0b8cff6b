"""ComfyUI: the graph of nodes that made the picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from backend.imaging.provenance.exif_fields import ExifFields
from backend.imaging.provenance.finding import Finding, json_object, text_of

Json = dict[str, Any]

MAX_NODES = 4000
_MAX_HOPS = 12
_LOADS = "LoadImage"
_MODEL_FIELDS = ("ckpt_name", "unet_name", "model_name")


def comfyui(texts: dict[str, str], exif: ExifFields) -> Finding | None:
    """Recognise the graph in PNG texts, or in the EXIF of a WebP file.

    `prompt` is the graph that ran, `workflow` the same as the editor draws it. A graph that loads a
    picture and samples none only edits it (an enlargement, a mask). In WebP files the two stand in
    Model and Make (or ImageDescription), each behind its name and a colon.
    """
    in_exif = dict(_named(exif))
    graph = _graph(texts.get("prompt")) or _graph(in_exif.get("prompt"))
    workflow = json_object(texts.get("workflow")) or json_object(in_exif.get("workflow"))
    kinds = [text_of(node.get("class_type")) for node in graph.values()] or _drawn(workflow)
    if not kinds:
        return None
    generated = _LOADS not in kinds or any("Sampler" in kind for kind in kinds)
    return Finding("ComfyUI", "", _model(graph), _prompt(graph), generated)


def _named(exif: ExifFields) -> Iterator[tuple[str, str]]:
    for field in ("Make", "Model", "ImageDescription", "UserComment"):
        name, colon, value = exif.get(field).partition(":")
        if colon:
            yield name.strip().lower(), value


def _graph(text: str | None) -> dict[str, Json]:
    nodes = json_object(text)
    if not 0 < len(nodes) <= MAX_NODES:
        return {}
    graph = {k: n for k, n in nodes.items() if isinstance(n, dict)}
    whole = all(isinstance(n.get("inputs"), dict) and "class_type" in n for n in graph.values())
    return graph if graph and whole else {}


def _drawn(workflow: Json) -> list[str]:
    """Return the kinds of nodes of a drawn graph, which has nodes and links."""
    nodes, links = workflow.get("nodes"), workflow.get("links")
    if not isinstance(nodes, list) or not isinstance(links, list):
        return []
    return [text_of(n.get("type")) for n in nodes[:MAX_NODES] if isinstance(n, dict)]


def _model(graph: dict[str, Json]) -> str:
    for node in graph.values():
        for field in _MODEL_FIELDS:
            if name := text_of(node["inputs"].get(field)):
                return name
    return ""


def _prompt(graph: dict[str, Json]) -> str:
    """Follow what a sampler is told to aim for, up to a text."""
    for node in graph.values():
        if "positive" in node["inputs"] and (text := _text(graph, node["inputs"]["positive"])):
            return text
    return ""


def _text(graph: dict[str, Json], link: object) -> str:
    for _ in range(_MAX_HOPS):
        if isinstance(link, str):
            return link
        node = graph.get(str(link[0])) if isinstance(link, list) and link else None
        if node is None:
            return ""
        inputs = node["inputs"]
        onwards = ("text", "text_g", "string", "value", "positive", "conditioning")
        link = next((inputs[name] for name in onwards if name in inputs), None)
    return ""
