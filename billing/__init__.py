"""What it costs: price books, ledger, budgets, audits, shares of spend, reconciliation, forecasts.

Promises: money is `Decimal` end to end; the ledger is double entry and append-only; a hold is posted or
voided once; a budget cannot be passed by reservations; every figure drills down to its entries.
Words: reserve / post / void; hold, entry, budget, price row, exchange rate, quote, audit, closing.
Imports projects, and nothing above.
"""
