"""Forms about budgets, prices and exchange rates."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

from django import forms
from django.db.models import QuerySet

from billing import ecb, months, price_imports
from billing.budgets import Target
from billing.models import PriceRow
from billing.models.budgets import MOST_DAYS, Scope, Window
from billing.models.prices import Unit
from projects.models import Campaign, Category, Deliverable, Membership, Person, Phase, Project
from projects.problems import Invalid, Refused

MODELS: dict[str, type[Any]] = {
    Scope.PROJECT: Project,
    Scope.CAMPAIGN: Campaign,
    Scope.CATEGORY: Category,
    Scope.DELIVERABLE: Deliverable,
}
BOTH = [("", "Drafts and hero takes"), (Phase.DRAFT, "Drafts only"), (Phase.HERO, "Hero takes only")]
Groups = list[tuple[str, list[tuple[str, str]]]]


def amount_field(label: str, **fields: Any) -> forms.DecimalField:
    return forms.DecimalField(label=label, min_value=0, max_digits=20, decimal_places=8, **fields)


class SharesField(forms.CharField):
    """Shares of a limit in percent, apart by commas."""

    def __init__(self, **options: Any) -> None:
        usual = {
            "label": "Tell at, in % of the limit",
            "required": False,
            "initial": "80, 100",
            "max_length": 60,
        }
        usual["help_text"] = "In the page, by mail and in your chats; as 50, 80, 100. Empty: never."
        super().__init__(**{**usual, **options})

    def clean(self, value: Any) -> list[int]:
        said = re.split(r"[\s,;%]+", str(super().clean(value)).strip(" ,;%"))
        if any(not re.fullmatch(r"\d{1,4}", share) for share in said if share):
            raise forms.ValidationError("Give whole numbers, apart by commas, as 50, 80, 100.")
        return [int(share) for share in said if share]


class AlertsForm(forms.Form):
    alert_shares = SharesField()


class BudgetForm(forms.Form):
    """A budget for one thing of the workspace; `subject` is scope and id, as `campaign:<id>`."""

    subject = forms.ChoiceField(label="For")
    phase = forms.ChoiceField(label="Counts", choices=BOTH, required=False)
    window = forms.ChoiceField(label="Over", choices=Window.choices)
    rolling_days = forms.IntegerField(
        label="Days in a row",
        min_value=1,
        max_value=MOST_DAYS,
        required=False,
        help_text="Only where it counts any days in a row: today and the days before it, as 7 or 30.",
    )
    limit = amount_field("Limit")
    hard = forms.BooleanField(
        label="Refuse what would pass the limit",
        required=False,
        initial=True,
        help_text="Otherwise the budget only warns.",
    )
    alert_shares = SharesField()

    def __init__(
        self, *args: Any, membership: Membership, deliverable: Deliverable | None, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.membership = membership
        self.fields["subject"].choices = subjects(membership, deliverable)  # type: ignore[attr-defined]
        self.fields["limit"].label = f"Limit in {membership.workspace.currency}"

    def clean_subject(self) -> tuple[str, Target]:
        scope, _, what = self.cleaned_data["subject"].partition(":")
        if scope == Scope.WORKSPACE:
            return scope, None
        if scope == Scope.PROVIDER:
            return scope, what
        if scope == Scope.PERSON:
            return scope, Person.objects.get(pk=what, memberships__workspace=self.membership.workspace)
        target: Target = MODELS[scope].objects.visible_to(self.membership).get(pk=what)
        return scope, target


class LimitForm(forms.Form):
    limit = amount_field("New limit")

    def __init__(self, *args: Any, currency: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["limit"].label = f"New limit in {currency}"


class RaiseForm(forms.Form):
    """Asks for more on a budget's limit."""

    more = amount_field("More")
    reason = forms.CharField(label="What for", widget=forms.Textarea(attrs={"rows": 3}), max_length=2000)

    def __init__(self, *args: Any, currency: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["more"].label = f"How much more, in {currency}"


class Dated(forms.DateInput):
    input_type = "date"


class PriceForm(forms.Form):
    """A new price of a model, in force from the first instant of a day."""

    model_key = forms.CharField(
        label="Model", max_length=200, help_text="provider/endpoint, as the catalogue lists it."
    )
    unit = forms.ChoiceField(label="A price for each", choices=Unit.choices)
    amount = amount_field("Price of a unit")
    first_amount = amount_field(
        "Price of the first unit", required=False, help_text="Where it differs from each further one."
    )
    list_amount = amount_field(
        "List price of a unit", required=False, help_text="Where yours is negotiated: what others pay."
    )
    currency = forms.CharField(
        label="Currency",
        max_length=47,
        help_text="Three capital letters, as USD, or credits, as credit:runway.",
    )
    starts_on = forms.DateField(label="In force from", widget=Dated)
    conditions = forms.CharField(
        label="Conditions",
        required=False,
        help_text=(
            "As JSON: by_height, cases (by audio, quality, mode, height), volume (steps of the month), "
            "input_amount (tokens that go in), per_reference, most_amount, minimum_units, most_units. "
            "For example {&quot;cases&quot;: [{&quot;when&quot;: {&quot;mode&quot;: &quot;pro&quot;, "
            "&quot;audio&quot;: &quot;on&quot;}, &quot;amount&quot;: &quot;0.14&quot;}]}"
        ),
    )
    source = forms.CharField(
        label="Source", max_length=200, help_text="Where the price stands, so that others can look it up."
    )

    def __init__(self, *args: Any, membership: Membership, **options: Any) -> None:
        super().__init__(*args, **options)
        self.zone = months.zone_of(membership.workspace)

    def clean_conditions(self) -> dict[str, Any]:
        text = self.cleaned_data["conditions"].strip()
        try:
            found = json.loads(text) if text else {}
        except ValueError:
            raise forms.ValidationError("This is no JSON.") from None
        if not isinstance(found, dict):
            raise forms.ValidationError("Give an object in braces.")
        return found

    def row(self) -> dict[str, Any]:
        """What `prices.add_row` takes; the day begins on the workspace's wall clock."""
        said = dict(self.cleaned_data)
        day = said.pop("starts_on")
        return {**said, "starts_at": months.first_instant(day, self.zone)}


class RateForm(forms.Form):
    """The exchange rate of a day."""

    currency = forms.CharField(label="Currency", max_length=47, help_text="Three capital letters, as USD.")
    day = forms.DateField(label="Published on", widget=Dated)
    rate = forms.DecimalField(label="Rate", max_digits=20, decimal_places=10)
    source = forms.CharField(label="Source", max_length=120, help_text="For example: European Central Bank.")

    def __init__(self, *args: Any, currency: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["rate"].label = f"What one unit is worth in {currency}"


class RateFileForm(forms.Form):
    """A reference file of the European Central Bank."""

    file = forms.FileField(
        label="Reference file",
        help_text="eurofxref-hist.zip or .csv, eurofxref.zip or .csv, or an XML file of the bank.",
    )
    currencies = forms.CharField(
        label="Currencies", required=False, help_text="As USD, GBP. Nothing said: those in use here."
    )
    since = forms.DateField(label="From", widget=Dated, help_text="Earlier days are left out.")

    def clean_file(self) -> bytes:
        file = self.cleaned_data["file"]
        if file.size > ecb.MOST_BYTES:
            raise forms.ValidationError("The file has more than 4 MB; the bank's zip has less than one.")
        return bytes(file.read())

    def clean_currencies(self) -> list[str]:
        named: list[str] = self.cleaned_data["currencies"].replace(",", " ").upper().split()
        if wrong := [name for name in named if not re.fullmatch("[A-Z]{3}", name)]:
            raise forms.ValidationError(f"“{wrong[0][:12]}” is no currency: three letters, as USD.")
        return named


class PriceFilter(forms.Form):
    """Narrows the list of prices."""

    q = forms.CharField(
        required=False,
        label="Model",
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Model"}),
    )
    state = forms.ChoiceField(
        required=False,
        label="State",
        choices=[
            ("", "Every state"),
            ("proposed", "Proposed"),
            ("approved", "Approved"),
            ("declined", "Declined"),
        ],
    )

    def narrowed(self, rows: QuerySet[PriceRow]) -> QuerySet[PriceRow]:
        """The rows that the filter lets through; all where it says nothing that can be read."""
        if not self.is_valid():
            return rows
        if q := self.cleaned_data["q"].strip():
            rows = rows.filter(model_key__icontains=q)
        state = self.cleaned_data["state"]
        if state == "proposed":
            return rows.filter(decision=None)
        return rows.filter(decision__decision=state) if state else rows


class DecideForm(forms.Form):
    """Finance's word on a proposed price."""

    decision = forms.ChoiceField(choices=[("approve", "Approve"), ("decline", "Decline")])
    note = forms.CharField(max_length=300, required=False)


class PriceFileForm(forms.Form):
    """Prices as CSV: first a file, then its text once more when it was looked at."""

    file = forms.FileField(label="CSV file", required=False)
    text = forms.CharField(widget=forms.HiddenInput, required=False, strip=False)

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        file = said.get("file")
        if file is not None:
            if file.size > price_imports.MOST_BYTES:
                raise forms.ValidationError("The file has more than 2 MB. Split it.")
            try:
                said["text"] = file.read().decode("utf-8-sig")
            except UnicodeDecodeError:
                raise forms.ValidationError("The file is no UTF-8. Save it as CSV, UTF-8.") from None
        if not said.get("text"):
            raise forms.ValidationError("Choose a file.")
        if "\x00" in said["text"]:
            raise forms.ValidationError("The file is no text. Save it as CSV, UTF-8.")
        return said


def subjects(member: Membership, deliverable: Deliverable | None) -> Groups:
    """What a budget can be for, in groups. A deliverable is offered where the way in named it."""
    workspace = member.workspace
    campaigns = Campaign.objects.visible_to(member).filter(ended_at__isnull=True).select_related("project")
    people = Person.objects.filter(
        memberships__workspace=workspace, memberships__ended_at__isnull=True
    ).order_by("name", "email")
    groups: Groups = [
        ("Everything", [(Scope.WORKSPACE, f"All of {workspace}")]),
        ("Deliverable", [(f"deliverable:{deliverable.pk}", str(deliverable))] if deliverable else []),
        (
            "Campaigns",
            [
                (f"campaign:{row.pk}", f"{row.project} – {row}")
                for row in campaigns.order_by("project__name", "name")
            ],
        ),
        ("Clients and brands", _options("project", Project.objects.visible_to(member).order_by("name"))),
        ("Categories", _options("category", Category.objects.visible_to(member).order_by("name"))),
        ("Providers", [(f"provider:{name}", name) for name in providers(member)]),
        ("People", _options("person", people)),
    ]
    return [group for group in groups if group[1]]


def providers(member: Membership) -> list[str]:
    """Providers of which the workspace knows a price, by name."""
    keys = PriceRow.objects.visible_to(member).values_list("model_key", flat=True).distinct()
    return sorted({key.partition("/")[0] for key in keys})


def asked_deliverable(member: Membership, text: str) -> Deliverable | None:
    """The deliverable that an address names; None where it names none of the workspace."""
    try:
        return Deliverable.objects.visible_to(member).filter(pk=uuid.UUID(text)).first()
    except ValueError:
        return None


def carry(form: forms.Form, refused: Refused) -> int:
    """Puts a refusal beside the fields it names, else above them; answers its status."""
    if isinstance(refused, Invalid):
        for name, said in refused.errors.items():
            form.add_error(name if name in form.fields else None, list(said))
    else:
        form.add_error(None, f"{refused.detail} {refused.remedy}".strip())
    return refused.status


def _options(scope: str, rows: Any) -> list[tuple[str, str]]:
    return [(f"{scope}:{row.pk}", str(row)) for row in rows]
