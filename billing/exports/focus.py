"""The month in FOCUS 1.4, the FinOps Open Cost and Usage Specification: three datasets as CSV.

Null is an empty cell, decimals have a point. Prices are not broken down: without a price by SKU the unit
prices and quantities are null; credits are a quantity of unit `Credits`. What FOCUS has no column for stands
in columns that begin with `x_`.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator
from typing import Any

from django.db import connection

from billing.acceptances import Month
from billing.exports import lines
from billing.exports.entries import Entry, entries_of_month
from billing.models.ledger import EntryKind
from billing.outcomes import Outcome

SECOND = datetime.timedelta(seconds=1)
CREDITS = "credit"
UNNAMED = "Not stated"
COST_AND_USAGE = (
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd"),
    *("BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency"),
    *("ChargePeriodEnd", "ChargePeriodStart", "ContractedCost", "EffectiveCost", "HostProviderName"),
    *("InvoiceId", "InvoiceIssuerName", "ListCost", "PricingCurrency", "PricingQuantity", "PricingUnit"),
    *("ServiceCategory", "ServiceName", "ServiceProviderName", "ServiceSubcategory", "Tags"),
    *("x_Accepted", "x_Campaign", "x_Category", "x_CreditsUsed", "x_Deliverable", "x_EntryId"),
    *("x_Model", "x_NativeAmount", "x_NativeCurrency", "x_Outcome", "x_Person", "x_Phase"),
    *("x_PriceRowId", "x_ProviderJobId", "x_Stage", "x_Take", "x_Tier"),
)
BILLING_PERIOD = (
    *("BillingPeriodCreated", "BillingPeriodEnd", "BillingPeriodLastUpdated", "BillingPeriodStart"),
    *("BillingPeriodStatus", "InvoiceIssuerName"),
)
INVOICE_DETAIL = (
    *("BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart"),
    *("ChargeCategory", "InvoiceDetailCreated", "InvoiceDetailDescription", "InvoiceDetailGrain"),
    *("InvoiceDetailId", "InvoiceDetailLastUpdated", "InvoiceId", "InvoiceIssueDate"),
    *("InvoiceIssueStatus", "InvoiceIssuerName", "PaymentCurrency", "PaymentCurrencyBilledCost"),
    *("PaymentDueDate", "PaymentTerms", "PurchaseOrderNumber", "ReferenceInvoiceId"),
)
ISSUERS = """
    SELECT COALESCE(NULLIF(provider, ''), NULLIF(substr(credit, 10), ''), %(unnamed)s) AS issuer,
           max(booked_at)
    FROM billing_entry
    WHERE workspace_id = %(workspace)s AND kind <> 'transfer'
      AND effective_at >= %(start)s AND effective_at < %(until)s
    GROUP BY 1 ORDER BY 1
"""


def cost_and_usage(month: Month) -> Iterator[bytes]:
    """A row for each cash entry of the month; call these in `month_sums.snapshot()`."""
    yield from lines.encoded([COST_AND_USAGE])
    same = _of_month(month)
    yield from lines.encoded(
        [cells.get(name) for name in COST_AND_USAGE]
        for cells in ({**same, **_charge(entry, month)} for entry in entries_of_month(month))
    )


def billing_period(month: Month, *, state: str) -> Iterator[bytes]:
    """A row for each provider that charged in the month; `state` is the month's own."""
    yield from lines.encoded([BILLING_PERIOD])
    start, end = month.span
    status = "Closed" if state == "closed" else "Open"
    with connection.cursor() as cursor:
        cursor.execute(ISSUERS, {**month.values(), "unnamed": UNNAMED})
        found = cursor.fetchall()
    yield from lines.encoded(
        (start, end, max(start, _whole(booked_at)), start, status, issuer) for issuer, booked_at in found
    )


def invoice_detail(month: Month) -> Iterator[bytes]:
    """The columns alone: invoices are not kept here."""
    yield from lines.encoded([INVOICE_DETAIL])


def _of_month(month: Month) -> dict[str, Any]:
    workspace, (start, end) = month.workspace, month.span
    return {
        "BillingAccountId": workspace.slug,
        "BillingAccountName": workspace.name,
        "BillingCurrency": workspace.currency,
        "BillingPeriodStart": start,
        "BillingPeriodEnd": end,
        "ChargeFrequency": "Usage-Based",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceSubcategory": "Generative AI",
    }


def _charge(entry: Entry, month: Month) -> dict[str, Any]:
    issuer = entry.provider or entry.credit.removeprefix("provider:") or UNNAMED
    begins = _whole(entry.service_at)
    return {
        **dict.fromkeys(("BilledCost", "ContractedCost", "EffectiveCost", "ListCost"), entry.amount),
        **dict.fromkeys(("HostProviderName", "InvoiceIssuerName", "ServiceProviderName"), issuer),
        "ChargeCategory": _category(entry),
        "ChargeClass": "Correction" if entry.service_at < month.span.start else None,
        "ChargeDescription": entry.calculation or entry.note or entry.kind.capitalize(),
        "ChargePeriodStart": begins,
        "ChargePeriodEnd": begins + SECOND,
        "ServiceName": entry.model or issuer,
        "Tags": _tags(entry),
        **_pricing(entry, month.workspace.currency),
        **_ours(entry),
    }


def _category(entry: Entry) -> str:
    """Usage includes what is given back of it."""
    return "Usage" if entry.kind in (EntryKind.CHARGE, EntryKind.REFUND) else "Adjustment"


def _pricing(entry: Entry, currency: str) -> dict[str, Any]:
    native = entry.native_currency
    if native.startswith(CREDITS):
        used = entry.native_amount
        return {
            "PricingCurrency": currency,
            "PricingQuantity": used,
            "PricingUnit": None if used is None else "Credits",
            "x_CreditsUsed": used,
        }
    return {"PricingCurrency": native if re.fullmatch("[A-Z]{3}", native) else currency}


def _tags(entry: Entry) -> str:
    said = {name: getattr(entry, name) for name in ("campaign", "category", "phase", "stage")}
    return json.dumps({name: text for name, text in said.items() if text}, ensure_ascii=False)


def _ours(entry: Entry) -> dict[str, Any]:
    return {
        "x_Accepted": "true" if entry.outcome == Outcome.ACCEPTED else "false",
        "x_Campaign": entry.campaign,
        "x_Category": entry.category,
        "x_Deliverable": entry.deliverable,
        "x_EntryId": entry.id,
        "x_Model": entry.model,
        "x_NativeAmount": entry.native_amount,
        "x_NativeCurrency": entry.native_currency,
        "x_Outcome": entry.outcome,
        "x_Person": entry.person,
        "x_Phase": entry.phase,
        "x_PriceRowId": entry.price_row,
        "x_ProviderJobId": entry.external_id,
        "x_Stage": entry.stage,
        "x_Take": entry.take,
        "x_Tier": entry.tier,
    }


def _whole(at: datetime.datetime) -> datetime.datetime:
    return at.replace(microsecond=0)
