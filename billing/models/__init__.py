"""Rows of what it costs: prices, rates, the ledger, holds, budgets, cost summaries."""

from billing.models.agreements import Agreement, AgreementEnd, AgreementSettlement
from billing.models.budget_raises import BudgetRaise
from billing.models.budgets import Budget, BudgetWindow, HoldBudget
from billing.models.chat import ChatHook, ChatMessage
from billing.models.closing import MonthClose, MonthStep, SampleVerdict, SealedDay
from billing.models.credits import CreditBalance, CreditLot, CreditMovement, ProviderBalance
from billing.models.exports import ExportJob
from billing.models.holds import Hold, HoldOutcome
from billing.models.invoices import (
    Invoice,
    InvoiceLine,
    InvoiceMapping,
    InvoiceTolerance,
    InvoiceUpload,
)
from billing.models.ledger import Entry, ImportedCharge, ImportedDecision, Pot
from billing.models.passing_on import JournalSetup, MarkUp
from billing.models.price_decisions import PriceDecision
from billing.models.prices import ExchangeRate, LatePlace, MonthVolume, PricedUse, PriceRow
from billing.models.reconciliation import (
    Assignment,
    AssignmentRule,
    Difference,
    DifferenceStep,
    LineMatch,
)
from billing.models.shares import CostShare
from billing.models.summaries import DeliverableCost, MonthPart, MonthSum, PotDay, SpendDay
from billing.models.views import SavedView
from billing.models.withdrawals import InvoiceWithdrawal

__all__ = [
    "Agreement",
    "AgreementEnd",
    "AgreementSettlement",
    "Assignment",
    "AssignmentRule",
    "Budget",
    "BudgetRaise",
    "BudgetWindow",
    "ChatHook",
    "ChatMessage",
    "CostShare",
    "CreditBalance",
    "CreditLot",
    "CreditMovement",
    "DeliverableCost",
    "Difference",
    "DifferenceStep",
    "Entry",
    "ExchangeRate",
    "ExportJob",
    "Hold",
    "HoldBudget",
    "HoldOutcome",
    "ImportedCharge",
    "ImportedDecision",
    "Invoice",
    "InvoiceLine",
    "InvoiceMapping",
    "InvoiceTolerance",
    "InvoiceUpload",
    "InvoiceWithdrawal",
    "JournalSetup",
    "LatePlace",
    "LineMatch",
    "MarkUp",
    "MonthClose",
    "MonthPart",
    "MonthStep",
    "MonthSum",
    "MonthVolume",
    "Pot",
    "PotDay",
    "PriceDecision",
    "PriceRow",
    "PricedUse",
    "ProviderBalance",
    "SampleVerdict",
    "SavedView",
    "SealedDay",
    "SpendDay",
]
