"""Exercises that break the running program on purpose and then ask whether anything was lost."""
