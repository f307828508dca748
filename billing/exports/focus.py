"""The month in FOCUS 1.4, the FinOps Open Cost and Usage Specification: three datasets as CSV.

Null is an empty cell, decimals have a point. A SKU is a model, a price of it a row of the price book; what is
no charge, or has no such row or no units, has no SKU, unit prices and quantity. Credits are a quantity
of unit `Credits`. What FOCUS has no column for stands in columns that begin with `x_`.
"""

from __future__ import annotations

import datetime
import itertools
import json
import re
import uuid
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any

from django.db import connection

from billing import money, months
from billing.acceptances import Month
from billing.exports import lines
from billing.exports.entries import Entry, entries_of_month
from billing.models import InvoiceLine
from billing.models.invoices import LineKind, Source
from billing.models.ledger import EntryKind
from billing.outcomes import Outcome

SECOND = datetime.timedelta(seconds=1)
CREDITS = "credit"
UNNAMED = "Not stated"
TWENTY_PLACES = Decimal("1e-20")
AT_ONCE = 2_000
COST_AND_USAGE = (
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd"),
    *("BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency"),
    *("ChargePeriodEnd", "ChargePeriodStart", "ContractedCost", "ContractedUnitPrice", "EffectiveCost"),
    *("HostProviderName", "InvoiceDetailId", "InvoiceId", "InvoiceIssuerName", "ListCost", "ListUnitPrice"),
    *("PricingCurrency", "PricingQuantity", "PricingUnit", "ServiceCategory", "ServiceName"),
    *("ServiceProviderName", "ServiceSubcategory", "SkuId", "SkuPriceId", "Tags"),
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
CATEGORY_OF = {
    LineKind.USAGE: "Usage",
    LineKind.TAX: "Tax",
    LineKind.FEE: "Purchase",
    LineKind.CREDIT: "Credit",
}
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
    found = entries_of_month(month)
    while some := list(itertools.islice(found, AT_ONCE)):
        bills = _bills(month, {entry.line for entry in some if entry.line})
        yield from lines.encoded(
            [cells.get(name) for name in COST_AND_USAGE]
            for cells in ({**same, **_charge(entry, month, bills)} for entry in some)
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
    """A row for each line of the invoices that bill the month; usage exports are no invoices."""
    yield from lines.encoded([INVOICE_DETAIL])
    same = {name: said for name, said in _of_month(month).items() if name in INVOICE_DETAIL}
    yield from lines.encoded(
        [cells.get(name) for name in INVOICE_DETAIL]
        for cells in ({**same, **_billed(line, month.workspace.currency)} for line in _lines(month))
    )


def _lines(month: Month) -> Iterator[InvoiceLine]:
    rows = InvoiceLine.objects.filter(
        workspace=month.workspace,
        invoice__month=months.month_of(month.workspace, month.span.start),
        invoice__source=Source.INVOICE,
    )
    return rows.select_related("invoice").order_by("invoice_id", "number").iterator(AT_ONCE)


def _billed(line: InvoiceLine, currency: str) -> dict[str, Any]:
    """The line as billed; what is paid in credits is paid in the workspace's currency."""
    bill = line.invoice
    foreign = bool(re.fullmatch("[A-Z]{3}", line.currency))
    return {
        "BilledCost": line.amount,
        "ChargeCategory": CATEGORY_OF[LineKind(line.kind)],
        "InvoiceDetailCreated": _whole(bill.imported_at),
        "InvoiceDetailDescription": line.description or line.model or line.get_kind_display(),
        "InvoiceDetailId": line.pk,
        "InvoiceDetailLastUpdated": _whole(bill.imported_at),
        "InvoiceIssueStatus": "Issued",
        "InvoiceIssuerName": line.provider,
        "PaymentCurrency": line.currency if foreign else currency,
        "PaymentCurrencyBilledCost": line.native_amount if foreign else line.amount,
        "PaymentTerms": UNNAMED,
        **dict.fromkeys(("InvoiceId", "ReferenceInvoiceId"), bill.number or bill.pk),
    }


def _bills(month: Month, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The invoice of each of these lines, as Invoice Detail names it."""
    rows = InvoiceLine.objects.filter(workspace=month.workspace, pk__in=ids, invoice__source=Source.INVOICE)
    found = rows.values_list("pk", "invoice__number", "invoice_id")
    return {line: number or str(bill) for line, number, bill in found}


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


def _charge(entry: Entry, month: Month, bills: Mapping[uuid.UUID, str]) -> dict[str, Any]:
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
        "InvoiceId": bills.get(entry.line) if entry.line else None,
        "InvoiceDetailId": entry.line if entry.line in bills else None,
        "ServiceName": entry.model or issuer,
        "Tags": _tags(entry),
        **_pricing(entry, month.workspace.currency),
        **_ours(entry),
    }


def _category(entry: Entry) -> str:
    """Usage includes what is given back of it."""
    return "Usage" if entry.kind in (EntryKind.CHARGE, EntryKind.REFUND) else "Adjustment"


def _pricing(entry: Entry, currency: str) -> dict[str, Any]:
    """SKU, quantity and unit prices in the workspace's currency: cost = unit price × quantity.

    The list price stands to the contracted one as in the price row.
    """
    native = entry.native_currency
    credits = entry.native_amount if native.startswith(CREDITS) else None
    said = {
        "PricingCurrency": native if re.fullmatch("[A-Z]{3}", native) else currency,
        "x_CreditsUsed": credits,
    }
    quantity, unit = (credits, "Credits") if credits is not None else (entry.units, entry.unit)
    known = entry.kind == EntryKind.CHARGE and entry.price_row
    if not known or not quantity or not unit or not entry.unit_amount:
        return said
    each = money.EXACT.divide(entry.amount, quantity)
    dearer = money.EXACT.divide(entry.list_amount or entry.unit_amount, entry.unit_amount)
    return {
        **said,
        "ContractedUnitPrice": each.quantize(TWENTY_PLACES, context=money.EXACT),
        "ListCost": money.booked(money.EXACT.multiply(entry.amount, dearer)),
        "ListUnitPrice": money.EXACT.multiply(each, dearer).quantize(TWENTY_PLACES, context=money.EXACT),
        "PricingQuantity": quantity,
        "PricingUnit": unit.replace("_", " ").capitalize(),
        "SkuId": entry.model,
        "SkuPriceId": entry.price_row,
    }


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
