"""Rows of how it is made: templates, profiles, pipelines, recipes, runs, calls, accounts, lanes."""

from generation.models.accounts import ProviderAccount
from generation.models.imports import HistoryJob
from generation.models.lanes import Canary, SketchJob
from generation.models.recipes import ControlProfile, Pipeline, PromptTemplate, Recipe
from generation.models.runs import Call, CallState, Run, RunState

__all__ = [
    "Call",
    "CallState",
    "Canary",
    "ControlProfile",
    "HistoryJob",
    "Pipeline",
    "PromptTemplate",
    "ProviderAccount",
    "Recipe",
    "Run",
    "RunState",
    "SketchJob",
]
