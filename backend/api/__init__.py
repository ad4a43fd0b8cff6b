"""The HTTP API: one blueprint per noun, one wall in front, one place for errors and shapes."""

PREFIX = "/api/v1"
