"""What providers billed: invoices and usage exports line by line, and how their files are read."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import Q

from billing.models.withdrawals import unless_withdrawn
from projects.identifiers import new_id
from projects.models import Person, Workspace
from projects.models.rows import WorkspaceQuerySet, append_only


class Source(models.TextChoices):
    INVOICE = "invoice", "Invoice"
    USAGE = "usage", "Usage export"


class LineKind(models.TextChoices):
    USAGE = "usage", "Usage"
    TAX = "tax", "Tax"
    FEE = "fee", "Fee or minimum"
    CREDIT = "credit", "Credit"


class InvoiceMapping(models.Model):
    """Which column of a provider's files says what: `columns` maps our fields to header names.

    The newest of a workspace and provider counts.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    provider = models.CharField(max_length=40)
    columns = models.JSONField()
    author = models.ForeignKey(Person, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("invoice_mapping")
        indexes = [
            models.Index(fields=["workspace", "provider", "created_at"], name="invoice_mapping_newest")
        ]


class InvoiceTolerance(models.Model):
    """How far a provider's figures may part from ours; the newest of a workspace and provider counts.

    `money` and `rounding` are in the workspace's currency, `share` is of our amount.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    provider = models.CharField(max_length=40)
    money = models.DecimalField(max_digits=20, decimal_places=8, default=Decimal("0.01"))
    share = models.DecimalField(max_digits=9, decimal_places=8, default=Decimal("0.02"))
    minutes = models.PositiveSmallIntegerField(default=15)
    rounding = models.DecimalField(max_digits=20, decimal_places=8, default=Decimal("0.005"))
    author = models.ForeignKey(Person, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("invoice_tolerance")
        constraints = [
            models.CheckConstraint(
                condition=Q(money__gte=0, share__gte=0, share__lte=1, rounding__gte=0, minutes__lte=1440),
                name="invoice_tolerance_in_range",
            )
        ]
        indexes = [
            models.Index(fields=["workspace", "provider", "created_at"], name="invoice_tolerance_newest")
        ]


class InvoiceUpload(models.Model):
    """A file between its preview and its import; thrown away afterwards, or after a day.

    A large one is imported by a task: `state` says how far it has come, `answer` what came of it.
    """

    class State(models.TextChoices):
        KEPT = "kept", "Looked at"
        WAITS = "waits", "Waits for its turn"
        READING = "reading", "Reading its lines"
        COMPARING = "comparing", "Comparing with our books"
        DONE = "done", "Imported"
        REFUSED = "refused", "Refused"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    provider = models.CharField(max_length=40)
    month = models.CharField(max_length=7)
    source = models.CharField(max_length=7, choices=Source)
    number = models.CharField(max_length=80, blank=True)
    currency = models.CharField(max_length=47, blank=True)
    file_name = models.CharField(max_length=200)
    content = models.BinaryField()
    uploaded_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField()
    state = models.CharField(max_length=9, choices=State, default=State.KEPT, db_default="kept")
    columns = models.JSONField(null=True)  # as they were chosen; empty: as guessed
    line_count = models.PositiveIntegerField(default=0, db_default=0)  # about: its lines of text
    lines_done = models.PositiveIntegerField(default=0, db_default=0)
    answer = models.JSONField(null=True)
    errors = models.JSONField(null=True)  # line and reason of each bad line, or why it was refused
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    ended_at = models.DateTimeField(null=True)

    objects = WorkspaceQuerySet.as_manager()

    @property
    def is_under_way(self) -> bool:
        return self.state in UPLOADS_UNDER_WAY


UPLOADS_UNDER_WAY = (InvoiceUpload.State.WAITS, InvoiceUpload.State.READING, InvoiceUpload.State.COMPARING)


class Invoice(models.Model):
    """One file of a provider for one month; `amount` is the sum of its lines in the workspace's currency."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    provider = models.CharField(max_length=40)
    month = models.CharField(max_length=7)
    source = models.CharField(max_length=7, choices=Source)
    number = models.CharField(max_length=80, blank=True)
    currency = models.CharField(max_length=47)
    line_count = models.PositiveIntegerField()
    native_amount = models.DecimalField(max_digits=20, decimal_places=8)
    amount = models.DecimalField(max_digits=20, decimal_places=8)
    digest = models.CharField(max_length=64)  # SHA-256 of the file
    file_name = models.CharField(max_length=200)
    columns = models.JSONField()
    imported_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    imported_at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = unless_withdrawn("invoice", "w.invoice = OLD.id")
        constraints = [
            models.UniqueConstraint(fields=["workspace", "provider", "digest"], name="invoice_file_once"),
        ]
        indexes = [models.Index(fields=["workspace", "month", "provider"], name="invoice_of_month")]


class InvoiceLine(models.Model):
    """One line as the provider wrote it, and what it comes to in the workspace's currency.

    `digest` is of number, cells and, for lines that repeat within a file, how often they came before;
    so the same line of a second file is known, and a line billed twice in one file is not lost.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="lines")
    provider = models.CharField(max_length=40)
    number = models.PositiveIntegerField()  # its line in the file
    kind = models.CharField(max_length=6, choices=LineKind)
    job_id = models.CharField(max_length=200, blank=True)
    model = models.CharField(max_length=200, blank=True)
    service_at = models.DateTimeField()
    day_only = models.BooleanField(default=False)  # the file gives a day and no time; stored as its noon
    quantity = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    unit = models.CharField(max_length=40, blank=True)
    native_amount = models.DecimalField(max_digits=20, decimal_places=8)
    currency = models.CharField(max_length=47)
    rate = models.DecimalField(max_digits=20, decimal_places=10)
    amount = models.DecimalField(max_digits=20, decimal_places=8)
    description = models.CharField(max_length=300, blank=True)
    key = models.CharField(max_length=120, blank=True)  # the provider's name of the API key
    digest = models.CharField(max_length=64)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = unless_withdrawn("invoice_line", "w.invoice = OLD.invoice_id")
        constraints = [
            models.UniqueConstraint(fields=["workspace", "provider", "digest"], name="invoice_line_once"),
        ]
        indexes = [models.Index(fields=["invoice", "number"], name="invoice_line_of_invoice")]
