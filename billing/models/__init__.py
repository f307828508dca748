"""Rows of what it costs: prices, rates, the ledger, holds, budgets, cost summaries."""

from billing.models.budgets import Budget, BudgetWindow, HoldBudget
from billing.models.closing import MonthClose, MonthStep, SampleVerdict, SealedDay
from billing.models.exports import ExportJob
from billing.models.holds import Hold, HoldOutcome
from billing.models.ledger import Entry, ImportedCharge, ImportedDecision, Pot
from billing.models.prices import ExchangeRate, PriceRow
from billing.models.summaries import DeliverableCost, MonthPart, MonthSum, PotDay

__all__ = [
    "Budget",
    "BudgetWindow",
    "DeliverableCost",
    "Entry",
    "ExchangeRate",
    "ExportJob",
    "Hold",
    "HoldBudget",
    "HoldOutcome",
    "ImportedCharge",
    "ImportedDecision",
    "MonthClose",
    "MonthPart",
    "MonthStep",
    "MonthSum",
    "Pot",
    "PotDay",
    "PriceRow",
    "SampleVerdict",
    "SealedDay",
]
