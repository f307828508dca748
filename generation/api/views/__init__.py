"""The calls, a module for each room of the work."""
