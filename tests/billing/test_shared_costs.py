"""Shared costs in the books: booked, taken over, spread by sign-offs, corrected and written off."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing import (
    audit,
    closing,
    ledger,
    months,
    pots,
    rates,
    roll_forward,
    sampling,
    shared_books,
    shared_costs,
    shares,
)
from billing.apps import spread_shared_costs
from billing.invoices import unclaimed, usage
from billing.models import CostShare, Entry
from projects import briefs, work
from projects.access import MissingRight
from projects.decisions import AgainstGrammar
from projects.identifiers import new_id
from projects.models import Deliverable, Membership, Take
from projects.problems import Invalid
from tests import factories
from tests.billing import booking, races
from tests.billing.booking import books, spend
from tests.cast import Cast, make_cast
from tests.factories import utc

NOW = utc("2026-10-20T09:00:00")
EARLY = utc("2026-09-01T00:00:00")


def book(cast: Cast, amount: str = "9", day: str = "2026-10-05", **said: object) -> Entry:
    usual = {"currency": "EUR", "reason": "Locking the character", "evidence": "Bill 17", "now": NOW}
    asked = {**usual, "service_on": datetime.date.fromisoformat(day), "by": cast.finance, **said}
    return shared_costs.book(**{"campaign": cast.campaign, "amount": Decimal(amount), **asked})  # type: ignore[arg-type]


@pytest.fixture
def three(cast: Cast) -> list[Take]:
    """Three deliverables of the campaign with a take of 1.00 each."""
    Deliverable.objects.filter(pk=cast.deliverable.pk).update(created_at=EARLY)
    more = [
        factories.deliverable(cast.campaign, category=cast.brand_film, created_at=EARLY) for _ in range(2)
    ]
    takes = [factories.take(each, phase="hero") for each in (cast.deliverable, *more)]
    for take in takes:
        spend(take, "1.00", at=utc("2026-10-02T10:00"))
        Take.objects.filter(pk=take.pk).update(counted_at=utc("2026-10-02T10:00"), state="ready")
        take.refresh_from_db()
    return takes


def accept(take: Take, day: str, decision: str = "accept") -> None:
    take.refresh_from_db()
    pots.decide(deliverable=take.deliverable, take=take, decision=decision, by=None, at=utc(day))


def taken(cast: Cast) -> list[str]:
    rows = CostShare.objects.filter(campaign=cast.campaign).order_by("at", "id")
    return [f"{row.amount.normalize():f}" for row in rows]


def sound(cast: Cast, *months: str) -> None:
    for month in months or ("2026-10",):
        assert roll_forward.roll_forward(cast.workspace, month).differences == []


def document(cast: Cast, month: str = "2026-10", by: str = "campaign") -> dict[str, dict[str, str]]:
    return audit.month_document(workspace=cast.workspace, month=month, by=by)


def test_a_cost_waits_in_progress_and_each_sign_off_takes_its_share(cast: Cast, three: list[Take]) -> None:
    entry = book(cast)
    assert (entry.debit, entry.deliverable_id, entry.external_id) == ("wip", None, "Bill 17")
    accept(three[0], "2026-10-10T10:00")
    accept(three[1], "2026-10-11T10:00")
    assert taken(cast) == ["3", "3"]
    assert shares.unspread(cast.campaign) == 3
    sound(cast)
    found = document(cast)
    assert found["totals"]["cash_per_acceptable"] == "1.00000000"  # the headline holds none of it
    assert (found["totals"]["shared"], found["bridge"]["shared"]) == ("6.00000000", "6.00000000")
    assert found["totals"]["cost_per_acceptable_with_shared"] == "4.00000000"
    assert found["roll_forward"]["accepted"] == "8.00000000"
    assert found["roll_forward"]["closing_wip"] == "4.00000000"
    for by in ("campaign", "category", "project", "phase", "model", "provider", "tier", "person"):
        rows = document(cast, by=by)["rows"]
        assert sum(Decimal(row["shared"]) for row in rows) == 6, by  # type: ignore[index]


def test_a_withdrawn_sign_off_gives_back_what_it_took_and_carries_it_back(
    cast: Cast, three: list[Take]
) -> None:
    book(cast)
    accept(three[0], "2026-10-10T10:00")
    accept(three[0], "2026-11-03T10:00", "reverse")
    assert taken(cast) == ["3", "-3"]
    sound(cast, "2026-10", "2026-11")
    november = document(cast, "2026-11")
    assert november["bridge"]["carried_back"] == "4.00000000"
    assert november["roll_forward"]["accepted"] == "-4.00000000"


def test_a_cost_of_an_earlier_day_changes_what_was_taken_since(cast: Cast, three: list[Take]) -> None:
    book(cast)
    accept(three[0], "2026-10-10T10:00")
    book(cast, "6", day="2026-10-04")
    assert taken(cast) == ["3", "2"]  # together a third of fifteen
    later = book(cast, "8", day="2026-10-12")
    assert taken(cast) == ["3", "2"]
    sound(cast)
    assert document(cast)["totals"]["shared"] == "5.00000000"
    found = shared_costs.found(cast.finance, cast.campaign, later.id)
    assert found is not None
    assert found.amount == 8


def test_what_an_assigned_charge_takes_back_leaves_what_was_used_as_it_was(cast: Cast) -> None:
    charge = ledger.charge_without_hold(workspace=cast.workspace, charge=booking.charge("0.40"), now=NOW)
    span, whole = months.span(cast.workspace, "2026-10"), Decimal("0.40")
    (given,) = unclaimed.assign(ids=[charge.id], target=cast.campaign, by=cast.finance, now=NOW)
    cost = shared_costs.found(cast.finance, cast.campaign, given.put_in)
    assert cost is not None
    assert usage.used(cast.workspace, "fal", span) == whole
    shared_costs.adjust(
        entry=cost.entry, amount=Decimal(0), was=whole, reason="Not for all", by=cast.finance, now=NOW
    )
    assert usage.used(cast.workspace, "fal", span) == whole
    assert {item.id for item in usage.unmatched(cast.workspace, "fal", span, set()).items} == {charge.id}
    back = Entry.objects.exclude(corrects__in=[charge.id]).filter(kind="adjustment")
    assert {(row.corrects, row.amount) for row in back} == {
        (given.put_in, -whole),
        (given.taken_out, whole),
    }
    assert Entry.objects.filter(debit="period").aggregate(total=Sum("amount"))["total"] == whole
    sound(cast)


@pytest.fixture
def players(committed: None) -> Cast:
    return make_cast()


def played(players: Cast) -> Take:
    """A take of the only deliverable of a campaign with 9.00 of shared costs."""
    Deliverable.objects.filter(pk=players.deliverable.pk).update(created_at=EARLY)
    take = factories.take(players.deliverable, phase="hero")
    Take.objects.filter(pk=take.pk).update(counted_at=utc("2026-10-02T10:00"), state="ready")
    book(players)
    return take


def brief(players: Cast) -> Deliverable:
    said = {"key": "late", "name": "Late", "category": players.brand_film, "by": players.producer}
    return work.create_deliverable(campaign=players.campaign, **said)  # type: ignore[arg-type]


def imported(players: Cast) -> object:
    file = b"key,name,category,brief,format\nlate,Late,brand-film,A brief,16x9\n"
    return briefs.import_deliverables(file=file, by=players.producer, campaign=players.campaign)


def sign_off(take: Take) -> None:
    take.refresh_from_db()
    pots.decide(deliverable=take.deliverable, take=take, decision="accept", by=None)


@pytest.mark.parametrize("create", [brief, imported])
def test_a_brief_and_a_sign_off_at_once_see_each_other(players: Cast, create: Callable[[Cast], Any]) -> None:
    take = played(players)
    _, signing = races.while_uncommitted(lambda: create(players), lambda: sign_off(take))
    signing.result()
    assert (taken(players), shares.follow(players.workspace.pk, [players.campaign.pk])) == (["4.5"], 0)


@pytest.mark.parametrize("create", [brief, imported])
def test_a_brief_after_a_sign_off_that_is_under_way_is_dated_after_it(
    players: Cast, create: Callable[[Cast], Any]
) -> None:
    take = played(players)
    _, creating = races.while_uncommitted(lambda: sign_off(take), lambda: create(players))
    creating.result()
    assert (taken(players), shares.follow(players.workspace.pk, [players.campaign.pk])) == (["9"], 0)


def test_an_upgrade_spreads_what_an_earlier_version_left(cast: Cast, three: list[Take]) -> None:
    with mock.patch.object(shares, "follow", return_value=0):  # as it was before shares were booked
        book(cast)
        accept(three[0], "2026-10-10T10:00")
    assert taken(cast) == []
    spread_shared_costs(plan=[])
    spread_shared_costs(plan=[("billing.0015", True)])
    assert taken(cast) == []
    for _ in range(2):
        spread_shared_costs(plan=[("billing.0015", False)])
        assert taken(cast) == ["3"]
    sound(cast)


def test_a_foreign_amount_takes_the_rate_of_its_day(cast: Cast) -> None:
    rates.add_rate(currency="USD", day=datetime.date(2026, 10, 1), rate=Decimal("0.9"), by=cast.finance)
    entry = book(cast, "10", currency="USD")
    assert (entry.amount, entry.native_amount, entry.native_currency) == (9, 10, "USD")
    with pytest.raises(rates.NoRate):
        book(cast, "10", currency="GBP")


def test_what_is_wrong_is_named_and_nothing_is_booked(cast: Cast) -> None:
    before = books()
    with pytest.raises(Invalid) as refused:
        book(cast, "0", currency="dollar", reason=" ", evidence="", day="2026-12-24", stage="none")
    assert set(refused.value.errors) == {"amount", "currency", "reason", "evidence", "service_on", "stage"}
    with pytest.raises(MissingRight):
        book(cast, by=cast.manager)
    assert books() == before


def test_a_day_of_no_year_that_counts_is_refused(cast: Cast) -> None:
    for day in ("0202-10-05", "1989-12-31"):
        with pytest.raises(Invalid) as refused:
            book(cast, day=day)
        assert set(refused.value.errors) == {"service_on"}
    assert not Entry.objects.exists()


def test_a_form_that_is_sent_twice_books_once(cast: Cast, client: Client) -> None:
    client.force_login(cast.finance.person)
    address = reverse("billing:new_shared", args=[cast.workspace.slug, cast.campaign.pk])
    page = client.get(address)
    assert 'type="submit" data-once>Book shared cost' in page.content.decode()
    said = {"amount": "9", "currency": "EUR", "service_on": "2026-10-05", "stage": "control"}
    said |= {
        "reason": "Plates",
        "evidence": "Bill 17",
        "entry_id": str(page.context["form"]["entry_id"].value()),
    }
    assert [client.post(address, said).status_code for _ in range(2)] == [302, 302]
    assert [(str(entry.id), entry.amount) for entry in Entry.objects.all()] == [(said["entry_id"], 9)]
    again = client.post(address, {**said, "amount": "12"})
    assert (again.status_code, Entry.objects.count()) == (409, 1)
    assert "It booked another cost" in again.content.decode()
    other = client.get(address).context["form"]["entry_id"].value()
    assert client.post(address, {**said, "entry_id": str(other)}).status_code == 302
    assert Entry.objects.count() == 2


def test_an_id_of_another_workspaces_entry_books_nothing(cast: Cast) -> None:
    other = factories.campaign(factories.project(cast.stranger.workspace))
    theirs = book(cast, campaign=other, by=cast.stranger)
    with pytest.raises(shared_costs.SentBefore):
        book(cast, entry_id=theirs.id)
    assert Entry.objects.count() == 1


def test_a_form_that_is_sent_twice_at_once_books_once(players: Cast) -> None:
    key = new_id()
    first, second = races.while_uncommitted(
        lambda: book(players, entry_id=key), lambda: book(players, entry_id=key)
    )
    assert (first.id, second.result().id, Entry.objects.count()) == (key, key, 1)


def test_a_campaign_ends_on_a_day_of_the_workspaces_clock(cast: Cast) -> None:
    book(cast)
    shared_costs.end_campaign(campaign=cast.campaign, by=cast.finance, now=utc("2026-10-31T23:30"))
    (row,) = shared_books.by_campaign(cast.finance)
    assert row.ended == datetime.date(2026, 11, 1)


def test_more_campaigns_are_recomputed_with_the_same_number_of_queries(cast: Cast, three: list[Take]) -> None:
    def recomputed() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as found:
            made = shares.recomputed(cast.workspace, utc("2026-11-01T00:00"))
        return len(made), len(found)

    book(cast)
    accept(three[0], "2026-10-10T10:00")
    assert (campaigns := recomputed()[0]) == 1
    before = recomputed()[1]
    for _ in range(3):
        book(cast, campaign=factories.campaign(cast.project))
    assert recomputed() == (campaigns + 3, before)


def test_a_campaign_bears_a_take_and_gives_it_back(cast: Cast, three: list[Take]) -> None:
    spend(three[0], "0.50", at=utc("2026-10-03T10:00"), stage="refinement")
    made = shared_costs.take_over(
        campaign=cast.campaign, take=three[0], reason="Plates for all", by=cast.finance, now=NOW
    )
    assert sorted(entry.amount for entry in made) == [Decimal("0.50"), 1]
    assert not sum(entry.amount for entry in Entry.objects.filter(take=three[0]).exclude(kind="transfer"))
    with pytest.raises(shared_costs.NothingLeft):
        shared_costs.take_over(campaign=cast.campaign, take=three[0], reason="Again", by=cast.finance)
    accept(three[1], "2026-10-21T10:00")
    assert taken(cast) == ["0.5"]
    cost = shared_costs.found(cast.finance, cast.campaign, made[0].id)
    assert cost is not None
    with pytest.raises(Invalid, match="go back to it whole"):
        shared_costs.adjust(
            entry=cost.entry, amount=Decimal("0.1"), was=cost.amount, reason="No", by=cast.finance
        )
    shared_costs.adjust(
        entry=cost.entry, amount=Decimal(0), was=cost.amount, reason="Not for all", by=cast.finance
    )
    back = Entry.objects.filter(take=three[0], stage=made[0].stage).exclude(kind="transfer")
    assert sum(entry.amount for entry in back) == made[0].amount
    sound(cast)


def test_what_moved_stays_with_whoever_made_the_take_and_is_no_usage(cast: Cast, three: list[Take]) -> None:
    maker = {"person": cast.producer.person, "routing_version": "7", "seed_policy": "locked"}
    charged = spend(three[1], "0.40", at=utc("2026-10-04T10:00"), failed_charged=True, **maker)
    span = months.span(cast.workspace, "2026-10")
    before = {item.id for item in usage.unmatched(cast.workspace, "fal", span, set()).items}
    made = shared_costs.take_over(
        campaign=cast.campaign, take=three[1], reason="Plates", by=cast.finance, now=NOW
    )
    own = Entry.objects.filter(take=three[1]).exclude(kind="transfer")
    for name in ("person_id", "routing_version", "seed_policy", "failed_charged"):
        left = own.values(name).annotate(total=Sum("amount")).values_list("total", flat=True)
        assert set(left) == {Decimal(0)}, name
    assert {(entry.person_id, entry.failed_charged) for entry in made} == {(cast.finance.person_id, False)}
    assert {item.id for item in usage.unmatched(cast.workspace, "fal", span, set()).items} == before
    back = next(entry for entry in made if entry.amount == Decimal("0.40"))
    shared_costs.adjust(
        entry=back, amount=Decimal(0), was=back.amount, reason="Not for all", by=cast.finance, now=NOW
    )
    assert {item.id for item in usage.unmatched(cast.workspace, "fal", span, set()).items} == before
    assert charged.id in before
    sound(cast)


@pytest.mark.parametrize(("name", "key"), [("Adobe Stock", "adobe-stock"), ("Müller & Co", "muller-co")])
def test_whoever_it_is_paid_to_gets_a_key_that_fits_an_address(cast: Cast, name: str, key: str) -> None:
    assert book(cast, provider=name).provider == key
    client = Client()
    client.force_login(cast.finance.person)
    assert client.get("/w/studio/invoices/").status_code == 200


def test_a_name_that_leaves_no_key_is_refused(cast: Cast) -> None:
    with pytest.raises(Invalid, match="Latin letters"):
        book(cast, provider="東京")
    assert not Entry.objects.exists()


def test_a_correction_books_the_difference_once_and_from_what_was_seen(cast: Cast, three: list[Take]) -> None:
    entry = book(cast)
    accept(three[0], "2026-10-10T10:00")
    said = {"entry": entry, "reason": "The bill says six", "by": cast.finance, "now": NOW}
    made = shared_costs.adjust(**said, amount=Decimal(6), was=Decimal(9))  # type: ignore[arg-type]
    assert (made.kind, made.amount, made.corrects) == ("adjustment", -3, entry.id)
    assert taken(cast) == ["3", "-1"]
    with pytest.raises(shared_costs.Changed):
        shared_costs.adjust(**said, amount=Decimal(5), was=Decimal(9))  # type: ignore[arg-type]
    shared_costs.adjust(**said, amount=Decimal(0), was=Decimal(6))  # type: ignore[arg-type]
    assert sum(row.amount for row in CostShare.objects.all()) == 0
    assert [cost.amount for cost in shared_costs.listed(cast.campaign)] == [0]
    sound(cast)


def test_the_end_of_a_campaign_writes_the_rest_off_once(cast: Cast, three: list[Take]) -> None:
    book(cast)
    accept(three[0], "2026-10-10T10:00")
    shared_costs.end_campaign(campaign=cast.campaign, by=cast.finance, now=NOW)
    assert taken(cast) == ["3", "6"]
    book(cast, "2", day="2026-10-20", now=NOW + datetime.timedelta(hours=6))
    assert shares.unspread(cast.campaign) == 0
    sound(cast)
    assert document(cast)["roll_forward"]["written_off"] == "8.00000000"
    with pytest.raises(AgainstGrammar):
        shared_costs.end_campaign(campaign=cast.campaign, by=cast.finance)


def test_shares_of_a_closed_month_stay_and_later_costs_spread_over_the_rest(
    cast: Cast, three: list[Take]
) -> None:
    book(cast)
    accept(three[0], "2026-10-10T10:00")
    second = factories.membership(cast.workspace, "finance")
    close(cast, second)
    row = book(cast, "5", day="2026-10-06", now=utc("2026-11-05T09:00"))
    assert row.effective_at == utc("2026-11-05T09:00")
    accept(three[1], "2026-11-06T10:00")
    assert taken(cast) == ["3", "5.5"]  # six and five among two
    sound(cast, "2026-10", "2026-11")


def close(cast: Cast, second: Membership) -> None:
    after = utc("2026-11-04T09:00")
    said = {"workspace": cast.workspace, "month": "2026-10", "by": cast.finance}
    closing.begin(**said, now=after)  # type: ignore[arg-type]
    for looked in sampling.sample(cast.workspace, "2026-10"):
        sampling.judge(**said, take_id=looked.take.pk, agrees=True)  # type: ignore[arg-type]
    closing.settle_provider(**said, provider="fal", settlement="usage", note="Equal.")  # type: ignore[arg-type]
    closing.sign(workspace=cast.workspace, month="2026-10", by=cast.finance, now=after)
    closing.close(workspace=cast.workspace, month="2026-10", by=second, now=after)


def test_a_wrong_share_is_found_by_the_check(cast: Cast, three: list[Take]) -> None:
    book(cast)
    accept(three[0], "2026-10-10T10:00")
    found = Entry.objects.get(stage="shared")
    Entry.objects.bulk_create(
        [
            Entry(
                workspace=cast.workspace,
                campaign=cast.campaign,
                deliverable=found.deliverable,
                kind="transfer",
                stage="shared",
                debit="accepted",
                credit="wip",
                amount=Decimal("0.01"),
                decision=found.decision,
                service_at=found.at if hasattr(found, "at") else found.effective_at,
                effective_at=found.effective_at,
                booked_at=NOW,
            )
        ]
    )
    said = roll_forward.roll_forward(cast.workspace, "2026-10").differences
    assert any("accepted is kept as 4.01000000" in line for line in said)


@pytest.mark.parametrize("verb", ["UPDATE billing_costshare SET amount = 1", "DELETE FROM billing_costshare"])
def test_shares_are_append_only(cast: Cast, three: list[Take], verb: str) -> None:
    book(cast)
    accept(three[0], "2026-10-10T10:00")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(verb)


def test_the_pages_book_correct_and_show(cast: Cast, three: list[Take], client: Client) -> None:
    client.force_login(cast.finance.person)
    where = [cast.workspace.slug, cast.campaign.pk]
    said = {
        "amount": "9",
        "currency": "EUR",
        "service_on": "2026-10-05",
        "reason": "=plates",
        "evidence": "Bill 17",
        "stage": "control",
    }
    assert client.post(reverse("billing:new_shared", args=where), {**said, "amount": "0"}).status_code == 422
    assert client.post(reverse("billing:new_shared", args=where), said).status_code == 302
    accept(three[0], "2026-10-10T10:00")
    page = client.get(reverse("billing:shared_campaign", args=where)).content.decode()
    assert "=plates" in page
    assert ">€3.00<" in page
    csv = b"".join(client.get(reverse("billing:shared_campaign", args=where), {"format": "csv"}))  # type: ignore[arg-type]
    assert b",accept,opening,Opening,9.00000000,3,3.00000000," in csv
    listed = client.get(reverse("billing:shared", args=where[:1])).content.decode()
    assert "Autumn" in listed
    client.force_login(cast.manager.person)
    assert client.post(reverse("billing:new_shared", args=where), said).status_code == 403
    client.force_login(cast.stranger.person)
    assert client.get(reverse("billing:shared_campaign", args=where)).status_code == 404
