"""Brushmark's backend: bytes of a picture in, an honest verdict out."""

__version__ = "0.1.0"
