"""The founding project's way of serving: a Gradio page over eager torch, with Gradio's defaults.

It runs in an environment of its own (`founding-requirements.txt`) on the weights that Brushmark
serves, so that both do the same work.
"""

from __future__ import annotations

import argparse
import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read at import: nothing leaves the machine

import gradio as gr
from PIL import Image
from torch import nn

from tests.benchmarks.founding_network import load_network, predict


def build_page(network: nn.Module, concurrency_limit: int | None) -> gr.Interface:
    """Build the page: a picture in, two probabilities out."""

    def judge(picture: Image.Image) -> dict[str, float]:
        return predict(network, picture)

    # Left out, the limit is Gradio's default: one picture at a time.
    limit = {} if concurrency_limit is None else {"concurrency_limit": concurrency_limit}
    return gr.Interface(
        fn=judge,
        inputs=gr.Image(type="pil"),
        outputs=gr.Label(num_top_classes=2),
        api_name="predict",
        **limit,
    )


def main() -> None:
    """Serve on loopback until ended."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("checkpoint", help="a release's checkpoint.safetensors")
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--concurrency-limit", type=int)
    given = options.parse_args()
    page = build_page(load_network(given.checkpoint), given.concurrency_limit)
    page.launch(server_name="127.0.0.1", server_port=given.port, share=False, quiet=True)


if __name__ == "__main__":
    main()
