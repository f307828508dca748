"""A next version, for a rolling deployment: the same program with one more migration within the rules."""
