"""Pasting: a picture on the clipboard goes the same way as one that was dropped."""

from __future__ import annotations

import streamlit as st

# The uploader's own input takes the files, so that limits, progress and errors are the same.
_SCRIPT = """
export default function () {
  const paste = (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    const input = document.querySelector('[data-testid="stFileUploaderDropzoneInput"]');
    if (!files.length || !input) return;
    event.preventDefault();
    const transfer = new DataTransfer();
    files.forEach((file) => transfer.items.add(file));
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  document.addEventListener("paste", paste);
  document.body.dataset.takesPaste = "true";
  return () => document.removeEventListener("paste", paste);
}
"""


def listen_for_pasted_pictures() -> None:
    """Hand pictures that are pasted anywhere on the page to its file uploader."""
    st.components.v2.component("brushmark_paste", js=_SCRIPT)(key="paste")
