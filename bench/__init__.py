"""Measurements of the whole program as it is shipped, on a throw-away data folder."""
