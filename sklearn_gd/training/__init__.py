"""The steps of a fit, from validated data to its result."""
