"""The dashboard's router: pages and nothing else. `brushmark dashboard` starts it."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

# Ours, from this folder: Streamlit would fetch an emoji or a Material icon from a foreign host.
_ICON = str(Path(__file__).with_name("icon.svg"))
# Streamlit puts this file's folder on the path, not the one that holds the packages.
_ROOT = str(Path(__file__).resolve().parents[1])
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

from dashboard.views import check  # noqa: E402

st.set_page_config(page_title="Brushmark", page_icon=_ICON, layout="wide")
st.navigation([st.Page(check.page, title="Check", url_path="check", default=True)]).run()
