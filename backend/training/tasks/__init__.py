"""Named tasks: frozen lists of a manifest's rows, so that figures stay comparable."""
