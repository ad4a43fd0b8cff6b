"""Evaluation of released weights: grid, intervals, leak controls, figures and the report."""
