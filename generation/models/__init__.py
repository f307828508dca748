"""Rows of how it is made: templates, profiles, pipelines, recipes, runs, calls, accounts, lanes."""

from generation.models.accounts import ProviderAccount
from generation.models.imports import HistoryJob
from generation.models.lanes import Canary, SketchJob
from generation.models.recipes import ControlProfile, Pipeline, PromptTemplate, Recipe
from generation.models.runs import Call, CallState, Run, RunState
from generation.models.tallies import CallTally, Verdict

__all__ = [
    "Call",
    "CallState",
    "CallTally",
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
    "Verdict",
]
