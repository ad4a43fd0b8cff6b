"""`python -m backend.cli` is `brushmark`."""

from backend.cli import main

main()
