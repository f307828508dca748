"""The pages Budgets and Prices & rates: what they show, what they change, and for whom."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing import budgets
from billing.models import Budget, BudgetWindow, ExchangeRate, PriceRow, ProviderBalance
from projects.models import Membership
from tests import factories
from tests.billing.booking import hold
from tests.cast import Cast


def signed_in(member: Membership) -> Client:
    client = Client()
    client.force_login(member.person)
    return client


def budget(cast: Cast, limit: str = "10") -> Budget:
    return budgets.set_budget(scope="workspace", limit=Decimal(limit), window="month", by=cast.finance)


def test_an_empty_page_teaches_what_a_budget_is_and_offers_the_first(cast: Cast) -> None:
    page = signed_in(cast.manager).get("/w/studio/budgets/").content.decode()
    assert "Set the first budget" in page
    assert "Set the first budget" not in signed_in(cast.viewer).get("/w/studio/budgets/").content.decode()


def test_the_list_shows_what_is_spent_held_and_left(cast: Cast) -> None:
    budget(cast)
    hold(factories.take(cast.deliverable), "2.5", now=timezone.now())
    page = signed_in(cast.viewer).get("/w/studio/budgets/").content.decode()
    assert "Everything in Studio, each month" in page
    assert page.count("€2.50") >= 2
    assert "€7.50" in page
    assert "Change limit" not in page


def test_a_manager_sets_changes_and_ends_a_budget(cast: Cast) -> None:
    client = signed_in(cast.manager)
    body = {
        "subject": f"campaign:{cast.campaign.pk}",
        "phase": "draft",
        "window": "campaign",
        "limit": "40",
        "hard": "on",
    }
    assert client.post("/w/studio/budgets/new/", body).status_code == 302
    made = Budget.objects.get()
    assert (made.scope, made.campaign, made.phase, made.limit, made.hard, made.set_by) == (
        "campaign",
        cast.campaign,
        "draft",
        Decimal(40),
        True,
        cast.manager.person,
    )
    assert client.post(f"/w/studio/budgets/{made.pk}/limit/", {"limit": "50"}).status_code == 302
    assert BudgetWindow.objects.get().limit == Decimal(50)
    assert 'value="50.00"' in client.get(f"/w/studio/budgets/{made.pk}/limit/").content.decode()
    assert client.get(f"/w/studio/budgets/{made.pk}/end/").status_code == 405
    assert client.post(f"/w/studio/budgets/{made.pk}/end/").status_code == 302
    made.refresh_from_db()
    assert made.ended_at is not None
    assert client.post(f"/w/studio/budgets/{made.pk}/end/").status_code == 404


def test_a_limit_below_what_is_used_is_refused_with_words(cast: Cast) -> None:
    made = budget(cast)
    hold(factories.take(cast.deliverable), "2.5", now=timezone.now())
    answer = signed_in(cast.finance).post(f"/w/studio/budgets/{made.pk}/limit/", {"limit": "2"})
    assert answer.status_code == 409
    assert "Give a limit of at least 2.50000000 EUR." in answer.content.decode()
    assert BudgetWindow.objects.get().limit == Decimal(10)


@pytest.mark.parametrize(
    "change",
    [{"subject": "campaign:00000000-0000-0000-0000-000000000000"}, {"limit": "-1"}, {"window": "week"}],
)
def test_a_budget_that_does_not_fit_is_shown_again_with_its_errors(
    cast: Cast, change: dict[str, str]
) -> None:
    body = {"subject": "workspace", "phase": "", "window": "month", "limit": "4", **change}
    answer = signed_in(cast.finance).post("/w/studio/budgets/new/", body)
    assert answer.status_code == 422
    assert "field__error" in answer.content.decode()
    assert Budget.objects.count() == 0


def test_a_deliverable_named_in_the_address_can_be_chosen(cast: Cast) -> None:
    address = f"/w/studio/budgets/new/?deliverable={cast.deliverable.pk}"
    client = signed_in(cast.manager)
    assert f'value="deliverable:{cast.deliverable.pk}" selected' in client.get(address).content.decode()
    body = {"subject": f"deliverable:{cast.deliverable.pk}", "window": "none", "limit": "3", "hard": "on"}
    assert client.post(address, body).status_code == 302
    assert Budget.objects.get().deliverable == cast.deliverable


def test_another_workspace_cannot_be_named(cast: Cast) -> None:
    other = factories.workspace("third")
    finance = factories.membership(other, "finance")
    made = budget(cast)
    client = signed_in(finance)
    assert client.get("/w/studio/budgets/").status_code == 404
    for path in ("limit", "end"):
        address = f"/w/third/budgets/{made.pk}/{path}/"
        assert client.post(address, {"limit": "1"}).status_code == 404
    body = {"subject": f"campaign:{cast.campaign.pk}", "window": "month", "limit": "1"}
    assert client.post("/w/third/budgets/new/", body).status_code == 422
    assert client.get(f"/w/third/budgets/new/?deliverable={cast.deliverable.pk}").status_code == 200
    assert list(Budget.objects.values_list("limit", flat=True)) == [Decimal(10)]


@pytest.mark.parametrize("path", ["budgets/new/", "prices/new/", "rates/new/"])
def test_pages_that_change_money_are_for_those_who_may(cast: Cast, path: str) -> None:
    allowed = {
        role: signed_in(member).get(f"/w/studio/{path}").status_code for role, member in cast.by_role.items()
    }
    may = {"manager", "finance"} if path == "budgets/new/" else {"finance"}
    assert allowed == {role: 200 if role in may else 403 for role in cast.by_role}


def test_finance_imports_what_providers_say_is_left(cast: Cast) -> None:
    client = signed_in(cast.finance)
    address = "/w/studio/credits/balances/import/"
    head = "unit,credits,read_at,source\n"
    bad = SimpleUploadedFile("left.csv", f"{head}runway,many,never,\n".encode())
    refused = client.post(address, {"file": bad})
    assert refused.status_code == 422
    assert "Line 2: credits: Give a number." in refused.content.decode()
    text = f"{head}credit:runway,1850,2026-10-31T18:00,Billing page\n"
    done = client.post(address, {"file": SimpleUploadedFile("left.csv", text.encode())}, follow=True)
    assert "1 balance is entered." in done.content.decode()
    row = ProviderBalance.objects.get()
    assert (row.credits, row.read_at) == (Decimal(1850), factories.utc("2026-10-31T17:00"))


def test_finance_adds_a_price_and_a_rate_with_its_day(cast: Cast) -> None:
    client = signed_in(cast.finance)
    price = {
        "model_key": "fal/flux",
        "unit": "image",
        "amount": "0.03",
        "currency": "USD",
        "starts_on": "2026-10-01",
        "conditions": '{"by_height": {"1080": "0.12"}}',
        "source": "fal.ai/pricing",
    }
    assert client.post("/w/studio/prices/new/", price).status_code == 302
    row = PriceRow.objects.get()
    assert row.starts_at == factories.utc("2026-09-30T22:00")  # midnight in Berlin
    assert row.conditions == {"by_height": {"1080": "0.12"}}
    rate = {"currency": "USD", "day": "2026-10-01", "rate": "0.9215", "source": "ECB"}
    assert client.post("/w/studio/rates/new/", rate).status_code == 302
    assert ExchangeRate.objects.get().day == datetime.date(2026, 10, 1)
    page = client.get("/w/studio/prices/").content.decode()
    assert "$0.03 per image" in page
    assert "0.9215" in client.get("/w/studio/rates/").content.decode()
    for address, body in (("prices/new/", price), ("rates/new/", rate)):
        assert client.post(f"/w/studio/{address}", body).status_code == 422


def test_twice_the_rows_cost_the_same_number_of_queries(cast: Cast) -> None:
    client, counts = signed_in(cast.finance), []
    for _ in range(2):
        for _ in range(3):
            campaign = factories.campaign(cast.project)
            budgets.set_budget(
                scope="campaign", target=campaign, limit=Decimal(1), window="month", by=cast.finance
            )
        with CaptureQueriesContext(connection) as captured:
            client.get("/w/studio/budgets/")
        counts.append(len(captured))
    assert counts[0] == counts[1]
