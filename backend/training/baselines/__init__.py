"""The founding project's classical models on raw pixels, with what they cost."""
