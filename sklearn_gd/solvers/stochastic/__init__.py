"""Stochastic solvers, which step on mini-batches."""
