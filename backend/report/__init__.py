"""A report to hand over: one page that says what was found of a picture, and can be checked."""
