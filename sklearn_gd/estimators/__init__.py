"""The scikit-learn face: parameters in, one fit out."""
