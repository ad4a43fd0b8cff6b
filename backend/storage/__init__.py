"""Where predictions, reviews and images are kept."""

from backend.storage.opening import open_repository

__all__ = ["open_repository"]
