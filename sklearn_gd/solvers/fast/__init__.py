"""Solvers that are sequential by nature, compiled by numba: the extra ``fast``, on which nothing else depends."""
