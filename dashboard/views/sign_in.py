"""The sign-in page of a team's dashboard."""

from __future__ import annotations

import streamlit as st

from dashboard.shell import ICON, wear_style


def page() -> None:
    """Ask the person to sign in, or say why that did not do."""
    wear_style()
    st.image(ICON, width=56)
    st.title("Brushmark", anchor=False)
    if st.user.to_dict().get("is_logged_in"):
        st.warning(
            "Your account has no verified e-mail address, so nobody can tell who you are here. "
            "Sign in with another account, or have your provider verify the address.",
            icon=":material/no_accounts:",
        )
        st.button("Sign out", on_click=st.logout)
        return
    st.markdown("This dashboard is for a team: sign in to review pictures and see the figures.")
    st.button("Sign in", type="primary", on_click=st.login, icon=":material/login:")
