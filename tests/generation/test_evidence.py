"""Evidence for routing against plain loops over the rows of a history, its ranking, and its page."""

from __future__ import annotations

import csv
import datetime
import io
import random
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from generation import evidence, history
from generation.evidence import Row
from projects.models import Take
from projects.models.takes import TakeState
from tests import factories
from tests.billing import written
from tests.cast import Cast
from tests.generation.pages import everybody, queries, signed_in, statuses, text

PAGE = "/w/studio/outlook/evidence/"
NOW = timezone.now().replace(microsecond=0)
Line = Mapping[str, str]


def day(before: float) -> str:
    return (NOW - datetime.timedelta(days=before)).isoformat().replace("+00:00", "Z")


def imported(cast: Cast, charges: list[dict[str, str]], decisions: list[dict[str, str]]) -> None:
    history.import_history(
        workspace=cast.workspace,
        charges=io.BytesIO(written.charges_file(*charges).encode()),
        decisions=io.BytesIO(written.decisions_file(*decisions).encode()),
        by=None,
    )


def some(seed: int) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Deliverables of two categories with takes of three models, some failed, some upscaled, some decided."""
    dice = random.Random(seed)
    charges: list[dict[str, str]] = []
    decisions: list[dict[str, str]] = []
    for number in range(30):
        key, category = f"d{number}", dice.choice(("social-cut", "brand-film"))
        begun = dice.uniform(5, 60)
        for take in range(1, dice.randint(2, 6)):
            at = day(begun - take / 50)
            model = dice.choice(("glow", "tide", "spark"))
            amount = f"{dice.randint(1, 90) / 100:.2f}"
            cells = {"category": category, "model": model}
            if dice.random() < 0.2:
                cells["charge"] = "failed_charged"
            charges.append(written.charge(len(charges), at, key, str(take), amount, **cells))
            if "charge" not in cells and dice.random() < 0.3:
                polish = {**cells, "model": "polish", "stage": "refinement"}
                charges.append(written.charge(len(charges), at, key, str(take), "0.11", **polish))
            fate = dice.random()
            if "charge" not in cells and fate < 0.6:
                word = "accept" if fate < 0.15 else "select" if fate < 0.3 else "reject"
                decisions.append(written.decision(day(begun - take / 50 - 0.01), key, str(take), word))
                if word == "accept":
                    break
    return charges, decisions


def naive(charges: list[dict[str, str]], decisions: list[dict[str, str]]) -> dict[tuple[str, str], Any]:
    """The same figures, take by take."""
    marks = {(row["deliverable"], row["take"]): row["decision"] for row in decisions}
    done = {row["deliverable"]: row["at"] for row in decisions if row["decision"] == "accept"}
    begun: dict[str, str] = {}
    takes: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in charges:
        key = row["deliverable"]
        begun[key] = min(begun.get(key, row["occurred_at"]), row["occurred_at"])
        takes.setdefault((key, row["take"]), []).append(row)
    found: dict[tuple[str, str], Any] = {}
    for (key, number), rows in takes.items():
        made = [row for row in rows if row["charge"] == "charged"]
        named = [row for row in made if row["stage"] == "generation"] or rows
        place = (f"lantern/{named[-1]['model']}", named[-1]["category"])
        one = found.setdefault(
            place, {"takes": 0, "failed": 0, "judged": 0, "kept": 0, "paid": 0, "squared": 0, "leads": []}
        )
        paid = sum(Decimal(row["amount"]) for row in rows)
        mark = marks.get((key, number), "")
        judged = bool(made) and (mark != "" or key in done)
        one["takes"] += bool(made)
        one["failed"] += not made
        one["judged"] += judged
        one["kept"] += judged and mark in ("accept", "select")
        if judged or not made:
            one["paid"] += paid
            one["squared"] += paid * paid
        if mark == "accept":
            instants = [datetime.datetime.fromisoformat(text) for text in (begun[key], done[key])]
            one["leads"].append((instants[1] - instants[0]).total_seconds())
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_figures_are_those_of_plain_loops(cast: Cast, seed: int) -> None:
    charges, decisions = some(seed)
    imported(cast, charges, decisions)
    rows = evidence.rows(cast.viewer, weeks=13, now=timezone.now())
    expected = naive(charges, decisions)
    assert {(row.model, row.category) for row in rows} == set(expected)
    for row in rows:
        one = expected[row.model, row.category]
        for name in ("takes", "failed", "judged", "kept", "paid", "squared"):
            assert getattr(row, name) == one[name], (row.model, row.category, name)
        assert list(row.leads) == pytest.approx(sorted(one["leads"]))


def test_takes_before_the_span_and_uploads_are_no_evidence(cast: Cast) -> None:
    old = [written.charge(1, day(40), "a", "1", "0.10")]
    imported(cast, old, [])
    made = factories.take(cast.deliverable, kind=Take.Kind.UPLOADED, counted_at=NOW, requested_at=NOW)
    assert evidence.rows(cast.viewer, weeks=4, now=timezone.now()) == []
    Take.objects.filter(pk=made.pk).update(kind=Take.Kind.GENERATED)
    (row,) = evidence.rows(cast.viewer, weeks=4, now=timezone.now())
    assert (row.takes, row.judged, row.acceptance.value) == (1, 0, None)


def test_nothing_of_another_workspace_counts(cast: Cast) -> None:
    imported(cast, [written.charge(1, day(3), "a", "1", "0.10")], [])
    assert evidence.rows(cast.stranger, weeks=13, now=timezone.now()) == []


def row(model: str, judged: int, kept: int, cost: str = "1", **said: Any) -> Row:
    paid = Decimal(cost) * judged
    usual = {"category": "film", "category_name": "Film", "phase": "draft", "takes": judged, "failed": 0}
    sums = {"paid": paid, "squared": paid * Decimal(cost), "paid_for_kept": Decimal(cost) * kept}
    return Row(**{**usual, **sums, "model": model, "judged": judged, "kept": kept, "leads": [], **said})


def test_the_figures_of_a_worked_row() -> None:
    one = row("a", 40, 10, "0.50", failed=10, takes=40, leads=[3600.0, 7200.0])
    assert one.acceptance.value == Decimal("0.25")
    assert one.takes_per_accepted.value == 4
    assert one.cost.value == 2
    assert one.failure.value == Decimal("0.2")
    assert (one.lead.value, one.lead.interval) == (5400, (None, None))


def test_rows_with_small_samples_have_no_place_however_good() -> None:
    found = evidence.ranked(
        [row("few", 19, 19, "0.01"), row("b", 20, 10), row("a", 20, 5)], by="cost", least=20
    )
    assert [(each.row.model, each.place) for each in found] == [("b", 1), ("a", 2), ("few", None)]


def test_more_acceptance_is_better_and_less_of_everything_else() -> None:
    rows = [row("often", 100, 80, "2"), row("cheap", 100, 50, "1")]
    by = {
        name: evidence.ranked(rows, by=name, least=10)[0].row.model
        for name in ("acceptance", "cost", "takes")
    }
    assert by == {"acceptance": "often", "cost": "cheap", "takes": "often"}


def test_a_row_is_told_apart_only_where_intervals_part() -> None:
    near = evidence.ranked([row("a", 100, 52), row("b", 100, 50)], by="acceptance", least=10)
    far = evidence.ranked([row("a", 100, 80), row("b", 100, 20)], by="acceptance", least=10)
    assert (near[1].level, far[1].level) == (True, False)


def test_drafts_and_heroes_never_share_a_place() -> None:
    found = evidence.ranked([row("a", 50, 10), row("a", 50, 40, phase="hero")], by="cost", least=10)
    assert [(each.row.phase, each.place) for each in found] == [("draft", 1), ("hero", 1)]


@pytest.fixture
def furnished(cast: Cast) -> Cast:
    imported(cast, *some(1))
    return cast


def test_the_page_its_chart_and_its_file_hold_the_same_rows(furnished: Cast) -> None:
    client = signed_in(furnished.viewer)
    page = text(client, PAGE, least=10)
    assert "lantern/glow" in page
    (chart,) = [part for part in page.split('"') if "/charts/" in part]
    answer = client.get(chart.replace("&amp;", "&"))
    assert answer.status_code == 200
    assert b"<svg" in answer.content
    file = client.get(PAGE, {"least": 10, "format": "csv"})
    lines = list(csv.DictReader(io.StringIO(file.getvalue().decode())))
    (line,) = [one for one in lines if (one["model"], one["category"]) == ("lantern/glow", "social-cut")]
    expected = naive(*some(1))["lantern/glow", "social-cut"]
    assert [line[name] for name in ("takes", "judged", "kept")] == [
        str(expected[name]) for name in ("takes", "judged", "kept")
    ]


def test_filters_that_make_no_sense_count_as_not_asked_for(furnished: Cast) -> None:
    assert "lantern/glow" in text(signed_in(furnished.viewer), PAGE, weeks="x", by="luck")
    assert "lantern/glow" in text(signed_in(furnished.viewer), PAGE, category="social-cut", phase="draft")


def test_an_empty_page_teaches_and_a_small_sample_says_so(cast: Cast) -> None:
    assert "No take to learn from" in text(signed_in(cast.viewer), PAGE)
    imported(cast, [written.charge(1, day(3), "a", "1", "0.10")], [])
    assert "nothing is ranked" in text(signed_in(cast.viewer), PAGE)


def test_every_role_reads_it_and_no_stranger(furnished: Cast) -> None:
    assert statuses(furnished, PAGE) == everybody(furnished)
    assert signed_in(furnished.viewer).get(f"{PAGE}charts/old.svg").status_code == 404


def test_twice_the_rows_cost_the_same_number_of_queries(furnished: Cast) -> None:
    client = signed_in(furnished.finance)
    before = [queries(client, PAGE) for _ in range(2)][-1]
    more = [written.charge(5000 + n, day(9), f"x{n}", "1", "0.1", model=f"m{n}") for n in range(20)]
    imported(furnished, more, [])
    assert queries(client, PAGE) == before


def test_a_failed_take_counts_for_the_model_that_was_charged(cast: Cast) -> None:
    imported(cast, [written.charge(1, day(3), "a", "1", "0.10", charge="failed_charged", model="tide")], [])
    assert Take.objects.get(deliverable__key="a").state == TakeState.FAILED
    (one,) = evidence.rows(cast.viewer, weeks=4, now=timezone.now())
    assert (one.model, one.failed, one.failure.value, one.cost.value) == ("lantern/tide", 1, 1, None)
