"""Data tools: gather pictures, make a manifest of them, look for leaks. No torch."""
