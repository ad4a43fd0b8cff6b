"""The dashboard's router: pages and nothing else. `brushmark dashboard` starts it."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

# Streamlit puts this file's folder on the path, not the one that holds the packages.
_ROOT = str(Path(__file__).resolve().parents[1])
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

from backend.domain import Scope  # noqa: E402
from dashboard import access, shell  # noqa: E402
from dashboard.pages import Entry, sections, signed_out  # noqa: E402
from dashboard.views import (  # noqa: E402
    activity,
    audit,
    check,
    export,
    gallery,
    models,
    quality,
    queue,
    sign_in,
)

# One line a page: group, title, address, icon, the scope it needs (None: visitors too), its view.
PAGES = (
    Entry("", "Check", "check", ":material/image_search:", None, check.page),
    Entry("Review", "Queue", "queue", ":material/inbox:", Scope.REVIEW, queue.page),
    Entry("Review", "Gallery", "gallery", ":material/grid_view:", Scope.READ, gallery.page),
    Entry("Insight", "Quality", "quality", ":material/target:", Scope.READ, quality.page),
    Entry("Insight", "Activity", "activity", ":material/monitoring:", Scope.READ, activity.page),
    Entry("Data", "Export", "export", ":material/dataset:", Scope.ADMIN, export.page),
    Entry("Installation", "Audit trail", "audit", ":material/history:", Scope.READ, audit.page),
    Entry("Improve", "Models", "models", ":material/deployed_code:", Scope.READ, models.page),
)

st.set_page_config("Brushmark", shell.ICON, layout="wide", initial_sidebar_state=220)
if access.login_wanted() and access.signed_in() is None:
    st.navigation(signed_out(PAGES, sign_in.page), position="hidden").run()
else:
    who = access.current_access()
    chosen = st.navigation(sections(PAGES, who))
    shell.frame(who)
    chosen.run()
