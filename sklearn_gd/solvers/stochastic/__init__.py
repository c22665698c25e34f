"""Solvers that step on mini-batches."""
