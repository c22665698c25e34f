"""Solvers for smooth losses, with smooth penalties or penalties with a prox."""
