"""Ledger, budgets, audit, history, routing and the lists that go with them, by the API."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import audit
from billing.models import Budget, Entry
from generation import pipelines
from projects.models import Deliverable, Event
from routing import default_table
from routing.models import RoutingTable
from tests.cast import Cast
from tests.generation.api.conftest import Call, problem
from tests.generation.api.rows import everything

CHARGES = (
    "id,occurred_at,project,campaign,deliverable,category,take,phase,tier,provider,model,stage,amount,"
    "currency,charge,refunds\n"
    "c1,2026-10-03T10:00:00Z,old,spring,A,film,1,draft,budget,fal,x,generation,0.05,EUR,charged,\n"
    "c2,2026-10-03T11:00:00Z,old,spring,A,film,2,hero,cinematic,fal,y,generation,2.00,EUR,charged,\n"
)
DECISIONS = (
    "project,campaign,deliverable,take,decision,at,by\n"
    "old,spring,A,2,accept,2026-10-04T10:00:00Z,manager@example.com\n"
)


def files(charges: str = CHARGES, decisions: str = DECISIONS) -> dict[str, Any]:
    found = {"charges": io.BytesIO(charges.encode()), "decisions": io.BytesIO(decisions.encode())}
    for name, file in found.items():
        file.name = f"{name}.csv"
    return found


def test_a_history_is_imported_once_and_audited(as_: Call, studio: Cast) -> None:
    done = as_("finance").send("history/", files())
    assert (done.status_code, done.json()) == (201, {"charges": 2, "decisions": 1, "deliverables": 1})
    again = as_("finance").send("history/", files())
    assert (again.status_code, again.json()) == (201, {"charges": 0, "decisions": 0, "deliverables": 0})
    found = as_("viewer").get("audits/2026-10/?by=campaign").json()
    assert found["totals"]["accepted"] == 1
    assert found["totals"]["cash_per_acceptable"] == "2.05000000"
    assert [(row["key"], row["cash"]) for row in found["rows"]] == [("old/spring", "2.05000000")]
    assert found == audit.month_document(workspace=studio.workspace, month="2026-10", by="campaign")


def test_a_bad_history_names_file_and_line_and_imports_nothing(as_: Call) -> None:
    bad = CHARGES + "c3,yesterday,old,spring,A,film,3,draft,budget,fal,x,generation,1,EUR,charged,\n"
    found = problem(as_("finance").send("history/", files(bad)), 422)
    assert [(line["file"], line["line"]) for line in found["lines"]] == [("charges", 4)]
    assert (Entry.objects.count(), Deliverable.objects.count()) == (0, 1)
    problem(as_("finance").send("history/", {"charges": files()["charges"]}), 422)


def test_the_ledger_lists_a_month_with_what_each_entry_belongs_to(as_: Call) -> None:
    as_("finance").send("history/", files())
    rows = as_("viewer").get("ledger/?month=2026-10").json()["results"]
    cash = [row for row in rows if row["kind"] != "transfer"]
    assert [row["amount"] for row in cash] == ["0.05000000", "2.00000000"]
    assert {"take", "run", "call", "price_row", "debit", "credit"} <= set(cash[0])
    assert cash[0]["effective_at"] == "2026-10-03T10:00:00Z"
    assert as_("viewer").get("ledger/?month=2026-09").json()["results"] == []
    assert len(as_("viewer").get("ledger/?month=2026-10&kind=transfer").json()["results"]) == len(rows) - 2
    filtered = as_("viewer").get("ledger/?month=2026-10&campaign=old/spring&model=fal/y").json()["results"]
    assert [row["amount"] for row in filtered if row["kind"] == "charge"] == ["2.00000000"]


@pytest.mark.parametrize("path", ["ledger/?month=2026-13", "audits/october/", "audits/2026-10/?by=colour"])
def test_a_month_or_cut_that_is_none_is_422(as_: Call, path: str) -> None:
    problem(as_("viewer").get(path), 422)


@pytest.mark.parametrize(
    "by",
    [
        *("project", "campaign", "category", "tier", "phase", "provider", "model", "routing_version"),
        *("pipeline", "prompt_template", "seed_policy", "person"),
    ],
)
def test_an_audit_is_cut_by_every_dimension_and_adds_up(as_: Call, by: str) -> None:
    as_("finance").send("history/", files())
    found = as_("viewer").get(f"audits/2026-10/?by={by}").json()
    assert sum(Decimal(row["cash"]) for row in found["rows"]) == Decimal(found["totals"]["cash"])


def test_an_audit_is_exported_as_csv(as_: Call) -> None:
    as_("finance").send("history/", files())
    response = as_("viewer").get("audits/2026-10/export/?format=csv", headers={"Accept": "text/csv"})
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    lines = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
    assert [(line["key"], line["cash"], line["accepted"]) for line in lines] == [
        ("", "2.05000000", "1"),
        ("old/spring", "2.05000000", "1"),
    ]


@pytest.mark.parametrize(
    ("form", "media_type"),
    [
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("pdf", "application/pdf"),
        ("focus", "text/csv; charset=utf-8"),
    ],
)
def test_other_exports_are_files_of_their_kind(as_: Call, form: str, media_type: str) -> None:
    as_("finance").send("history/", files())
    response = as_("viewer").get(f"audits/2026-10/export/?format={form}")
    assert (response.status_code, response["Content-Type"]) == (200, media_type)
    problem(as_("viewer").get("audits/2026-10/export/?format=docx"), 422)
    problem(as_("viewer").get(f"audits/october/export/?format={form}"), 422)


def test_a_budget_is_set_read_and_changed(as_: Call) -> None:
    body = {
        "scope": "campaign",
        "target": "acme/autumn",
        "window": "campaign",
        "limit": "50",
        "phase": "hero",
    }
    made = as_("manager").post("budgets/", body, key=None)
    assert made.status_code == 201
    budget = made.json()
    assert (budget["target"], budget["left"], budget["hard"]) == ("acme/autumn", "50.00000000", True)
    assert as_("viewer").get("budgets/").json()["results"] == [budget]
    http = as_("finance").http
    path = f"/api/v1/budgets/{budget['id']}/"
    changed = http.patch(path, {"limit": "60.5"}, content_type="application/json")
    assert (changed.status_code, changed.json()["limit"]) == (200, "60.50000000")
    problem(as_("manager").post("budgets/", body), 422)
    assert Budget.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"limit": "-1"}, "limit"), ({"limit": "0.123456789"}, "limit"), ({"limit": "NaN"}, "limit"),
        ({"scope": "galaxy"}, "scope"), ({"window": "week"}, "window"), ({"target": "fal"}, "target"),
    ],
)  # fmt: skip
def test_a_budget_that_does_not_fit_is_422(as_: Call, wrong: dict[str, Any], field: str) -> None:
    body = {"scope": "workspace", "window": "month", "limit": "50", **wrong}
    assert list(problem(as_("manager").post("budgets/", body), 422)["errors"]) == [field]
    assert Budget.objects.count() == 0


@pytest.mark.parametrize(
    ("scope", "target"),
    [
        ("project", "acme"), ("category", "brand-film"), ("deliverable", "acme/autumn/opening"),
        ("provider", "fal"), ("person", "producer@example.com"), ("workspace", ""),
    ],
)  # fmt: skip
def test_budgets_cover_every_scope(as_: Call, scope: str, target: str) -> None:
    body = {"scope": scope, "target": target, "window": "month", "limit": "50"}
    assert as_("finance").post("budgets/", body).json()["target"] == target


def test_the_dry_run_chooses_and_spends_nothing(as_: Call) -> None:
    before = Event.objects.count()
    body = {"category": "brand-film", "phase": "hero", "project": "acme", "format": "16x9"}
    found = as_("viewer").post("routing/resolve/", body, key=None).json()
    assert (found["routing_version"], found["chosen"]) == (1, "builtin/motion-cinema")
    assert found["choices"][0]["quote"] == {"amount": "1.20000000", "at_most": "1.20000000"}
    assert found["reasons"]
    problem(as_("viewer").post("routing/resolve/", {**body, "step": "none"}), 422)
    assert Event.objects.count() == before + 1  # the viewer's token


def test_a_table_is_proposed_and_published_by_somebody_else(as_: Call) -> None:
    body = {"document": {**default_table.build(), "name": "Next"}, "reason": "A better name"}
    made = as_("manager").post("routing/tables/", body, key=None)
    assert (made.status_code, made.json()["state"], made.json()["version"]) == (201, "proposed", 2)
    problem(as_("manager").post("routing/tables/2/publish/", key=None), 403)
    assert as_("second_manager").post("routing/tables/2/publish/", key=None).json()["state"] == "published"
    problem(as_("second_manager").post("routing/tables/2/publish/"), 409)
    shown = as_("viewer").get("routing/tables/?state=published").json()["results"]
    assert [(row["version"], row["document"]["name"]) for row in shown] == [(2, "Next")]
    assert as_("viewer").get("routing/tables/2/").json() == shown[0]


@pytest.mark.parametrize("document", [{}, {"routes": []}, {"routes": 3}, {"name": 1, "routes": [{}]}])
def test_an_unsound_table_is_422_and_saved_nowhere(as_: Call, document: dict[str, Any]) -> None:
    found = problem(as_("producer").post("routing/tables/", {"document": document, "reason": "x"}), 422)
    assert list(found["errors"]) == ["document"]
    assert RoutingTable.objects.count() == 1


def test_the_catalogue_lists_models_with_price_and_health(as_: Call) -> None:
    found = as_("viewer").get("catalogue/?provider=builtin&page_size=200").json()["results"]
    sketch = next(row for row in found if row["key"] == "builtin/sketch-draft")
    assert (sketch["price"]["currency"], sketch["health"]["breaker"]) == ("EUR", "closed")
    assert {row["provider"] for row in found} == {"builtin"}
    problem(as_("viewer").get("catalogue/?kind=nonsense"), 422)


def test_templates_and_pipelines_are_published_as_versions(as_: Call) -> None:
    template = {"slug": "mood", "name": "Mood", "body": "{brief}, {mood}", "variables": [{"name": "mood"}]}
    keys = [as_("producer").post("prompt-templates/", template).json()["key"] for _ in range(2)]
    assert keys == ["mood@1", "mood@2"]
    body = {"slug": "short", "name": "Short", "document": pipelines.DEFAULTS[0][2]}
    made = as_("manager").post("pipelines/", body)
    assert (made.status_code, made.json()["key"]) == (201, "short@1")
    problem(as_("producer").post("pipelines/", body), 403)
    problem(as_("manager").post("pipelines/", {**body, "document": {"steps": []}}), 422)
    assert len(as_("viewer").get("prompt-templates/?slug=mood").json()["results"]) == 2


def test_events_tell_what_happened_newest_first(as_: Call) -> None:
    as_("producer").post("deliverables/acme/autumn/opening/takes/", {})
    found = as_("viewer").get("events/?kind=take.requested&deliverable=acme/autumn/opening").json()["results"]
    assert [(row["person"], row["data"]["number"]) for row in found] == [("producer@example.com", 1)]
    assert as_("viewer").get("events/?since=2100-01-01T00:00:00Z").json()["results"] == []


@pytest.mark.parametrize("path", ["budgets/", "ledger/?month=2026-10", "prompt-templates/", "catalogue/"])
def test_twice_the_rows_cost_the_same_number_of_queries(studio: Cast, as_: Call, path: str) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as found:
            assert as_("viewer").get(path).status_code == 200
        return len(found)

    everything(studio)
    as_("finance").send("history/", files())
    as_("viewer").get("me/")
    before = count()
    for scope, target in (("campaign", "acme/autumn"), ("deliverable", "acme/autumn/opening")):
        body = {"scope": scope, "target": target, "window": "month", "limit": "50"}
        assert as_("finance").post("budgets/", body).status_code == 201
    template = {"slug": "mood", "name": "Mood", "body": "{brief}"}
    assert as_("producer").post("prompt-templates/", template).status_code == 201
    more = CHARGES.replace("\nc", "\nd").replace(",A,film,", ",B,film,")
    assert as_("finance").send("history/", files(more, DECISIONS)).status_code == 201
    assert count() == before


def test_amounts_are_strings_with_eight_decimals_everywhere(as_: Call) -> None:
    as_("finance").send("history/", files())
    paths = ("ledger/?month=2026-10", "audits/2026-10/")
    text = json.dumps([as_("viewer").get(path).json() for path in paths])
    assert '"amount": "0.05000000"' in text
    assert '"cash": "2.05000000"' in text
