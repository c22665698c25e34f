"""The story of a fit: from validated data to a value that says all of it."""
