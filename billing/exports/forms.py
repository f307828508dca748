"""In which forms a month is exported, and how the files are called."""

from __future__ import annotations

from django.db import models

from projects.models import Workspace


class Form(models.TextChoices):
    XLSX = "xlsx", "Excel workbook"
    PDF = "pdf", "PDF statement"
    JSON = "json", "JSON"
    ROWS = "rows", "Canonical rows"
    FOCUS = "focus", "FOCUS 1.4 Cost and Usage"
    FOCUS_PERIODS = "focus-billing-period", "FOCUS 1.4 Billing Period"
    FOCUS_INVOICES = "focus-invoice-detail", "FOCUS 1.4 Invoice Detail"


class Kind:
    """What a file is: its ending and its media type."""

    def __init__(self, ending: str, media_type: str) -> None:
        self.ending, self.media_type = ending, media_type


CSV = Kind("csv", "text/csv; charset=utf-8")
KINDS = {
    Form.XLSX: Kind("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    Form.PDF: Kind("pdf", "application/pdf"),
    Form.JSON: Kind("json", "application/json"),
}
#: What a name says where it is not the form's key.
CALLED = {
    Form.XLSX: "month",
    Form.PDF: "statement",
    Form.JSON: "month",
    Form.ROWS: "canonical-rows",
    Form.FOCUS: "focus-cost-and-usage",
}


def media_type(form: Form) -> str:
    return KINDS.get(form, CSV).media_type


def file_name(*, workspace: Workspace, month: str, form: Form) -> str:
    """`studio-2026-10-statement.pdf`: workspace, month, what it is."""
    return f"{workspace.slug}-{month}-{CALLED.get(form, form.value)}.{KINDS.get(form, CSV).ending}"
