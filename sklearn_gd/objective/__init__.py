"""The function that a fit minimises."""
