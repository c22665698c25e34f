"""Solvers for smooth losses, with smooth penalties or those with a prox."""
