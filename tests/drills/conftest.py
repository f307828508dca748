"""The judge is shown rows that the engine made on the emulated provider, and rows that were spoilt."""

from tests.generation.conftest import engine, fal, fal_program

__all__ = ["engine", "fal", "fal_program"]
