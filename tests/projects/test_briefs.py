"""Importing a brief: whole or not at all, and every bad line named."""

import datetime

import pytest

from projects import briefs
from projects.models import Deliverable
from projects.problems import BadLines, Invalid
from tests import factories

HEADER = "key,name,category,brief,format,cap,due_on,variables,prompt_template"
ROW = "hero-1,Hero one,brand-film,A slow pan,16x9,,2026-12-01,mood=calm; light=low,"


def load(cast, text, by=None, **kwargs):
    content = text.encode() if isinstance(text, str) else text
    kwargs.setdefault("campaign", cast.campaign)
    return briefs.import_deliverables(file=content, by=by or cast.producer, **kwargs)


def test_a_brief_makes_its_deliverables(cast):
    result = load(cast, f"{HEADER}\n{ROW}\n")
    made = Deliverable.objects.get(key="hero-1")
    assert (result.created, result.updated, result.unchanged) == (1, 0, 0)
    assert made.due_on == datetime.date(2026, 12, 1)
    assert made.variables == {"mood": "calm", "light": "low"}
    assert (made.category, made.format, made.created_by) == (
        cast.brand_film,
        cast.format,
        cast.producer.person,
    )


def test_the_same_brief_again_changes_nothing_and_a_changed_row_is_updated(cast):
    load(cast, f"{HEADER}\n{ROW}\n")
    again = load(cast, f"{HEADER}\n{ROW}\n")
    changed = load(cast, f"{HEADER}\n{ROW.replace('A slow pan', 'A fast pan')}\n")
    assert (again.created, again.updated, again.unchanged) == (0, 0, 1)
    assert (changed.created, changed.updated, changed.unchanged) == (0, 1, 0)
    assert Deliverable.objects.get(key="hero-1").brief == "A fast pan"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (f"{HEADER}\n".encode() + b"caf\xe9,x", "Line 2 is not UTF-8"),
        ("key,name,category,brief\n", "Columns are missing: format"),
        ("key,key,name,category,brief,format\n", "stand there twice: key"),
        (f"{HEADER},colour\n", "Unknown columns: colour"),
        (f"{HEADER}\n{ROW},too many\n", "Line 2 has 10 cells"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "UTF-8"),
    ],
)
def test_a_file_that_is_no_brief_is_refused_with_the_remedy(cast, content, said):
    with pytest.raises(Invalid, match=said):
        load(cast, content)
    assert Deliverable.objects.count() == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a/b,Name,brand-film,x,16x9,,,,", "no slash"),
        ("a,,brand-film,x,16x9,,,,", "name: give 1 to 200 characters"),
        ("a,Name,poster,x,16x9,,,,", "category: there is no poster"),
        ("a,Name,brand-film,x,21x9,,,,", "format: there is no 21x9"),
        ("a,Name,brand-film,x,16x9,many,,,", "cap: many is no number"),
        ("a,Name,brand-film,x,16x9,,1.12.2026,,", "due_on: 1.12.2026 is no date"),
        ("a,Name,brand-film,=cmd(),16x9,,,,", "brief: begins like a formula"),
        ("a,Name,brand-film,x,16x9,,,calm,", "variables: write name=value"),
        ("a,Name,brand-film,x,16x9,9,,,", "cap: only managers and finance"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_imported(cast, row, reason):
    with pytest.raises(BadLines) as refused:
        load(cast, f"{HEADER}\n{ROW}\n{row}\n")
    assert [line["line"] for line in refused.value.lines] == [3]
    assert reason in refused.value.lines[0]["reason"]
    assert Deliverable.objects.count() == 1


def test_every_bad_line_is_named_at_once(cast):
    bad = "\n".join(f"k{number},Name,poster,x,16x9,,,," for number in range(3))
    with pytest.raises(BadLines) as refused:
        load(cast, f"{HEADER}\n{bad}\n{ROW}\n{ROW}\n")
    assert [line["line"] for line in refused.value.lines] == [2, 3, 4, 6]


def test_a_deliverable_with_takes_keeps_its_category(cast):
    load(cast, f"{HEADER}\n{ROW}\n")
    factories.take(Deliverable.objects.get(key="hero-1"))
    with pytest.raises(BadLines, match="1 bad line"):
        load(cast, f"{HEADER}\n{ROW.replace('brand-film', 'concept-sketch')}\n")
    assert Deliverable.objects.get(key="hero-1").category == cast.brand_film


def test_fifty_thousand_rows_are_taken_and_one_more_is_refused(cast):
    rows = "\n".join(f"k{number},Name,brand-film,x,16x9,,,," for number in range(50_001))
    with pytest.raises(Invalid, match="More than 50,000 rows"):
        load(cast, f"{HEADER}\n{rows}\n")
    assert Deliverable.objects.count() == 1
    most = rows.rpartition("\n")[0]
    assert load(cast, f"{HEADER}\n{most}\n").created == 50_000


def test_a_stranger_cannot_import_into_a_campaign_that_is_not_theirs(cast):
    with pytest.raises(BadLines):
        load(
            cast,
            f"campaign,{HEADER}\nacme/autumn,{ROW}\n",
            by=cast.stranger,
            campaign=None,
        )
    assert Deliverable.objects.count() == 1
