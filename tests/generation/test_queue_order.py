"""One's own queue in another order, what waits and why, and what may be made once more."""

from __future__ import annotations

import datetime

import pytest
from django.utils import timezone

from generation import queue_order, queue_reasons
from generation.health_now import Place
from generation.models import ProviderAccount, Run
from generation.models.runs import RunState
from generation.queue_reasons import Kind
from projects.access import MissingRight
from projects.models import Take
from projects.models.takes import TakeState
from projects.problems import Refused
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.engine_rows import Engine
from tests.generation.pages import only, signed_in, statuses, text

QUEUE = "/w/studio/queue/"


@pytest.fixture
def line(cast: Cast) -> list[Take]:
    """Four takes of the producer that wait in this order."""
    engine_rows.model(cast.workspace)
    return [
        engine_rows.take(cast.deliverable, person=cast.producer.person, position=place) for place in range(4)
    ]


def order(cast: Cast) -> list[int]:
    rows = Take.objects.filter(requested_by=cast.producer.person).order_by(*queue_order.ORDER)
    return list(rows.values_list("number", flat=True))


@pytest.mark.parametrize(
    ("moved", "before", "after"),
    [
        (3, 0, [4, 1, 2, 3]),
        (0, 2, [2, 1, 3, 4]),
        (0, None, [2, 3, 4, 1]),
        (1, 1, [1, 2, 3, 4]),
        (1, 2, [1, 2, 3, 4]),
    ],
)
def test_a_take_is_put_before_another(
    cast: Cast, line: list[Take], moved: int, before: int | None, after: list[int]
) -> None:
    target = None if before is None else line[before].pk
    queue_order.put_before(take=line[moved], before=target, by=cast.producer)
    assert order(cast) == after


def test_takes_of_the_same_place_get_places_of_their_own(cast: Cast, line: list[Take]) -> None:
    Take.objects.update(position=7)
    queue_order.put_before(take=line[3], before=line[1].pk, by=cast.producer)
    assert order(cast) == [1, 4, 2, 3]


@pytest.mark.parametrize(
    ("moved", "later", "after"),
    [(0, False, [1, 2, 3, 4]), (0, True, [2, 1, 3, 4]), (2, False, [1, 3, 2, 4]), (3, True, [1, 2, 3, 4])],
)
def test_a_step_goes_past_one_neighbour(
    cast: Cast, line: list[Take], moved: int, later: bool, after: list[int]
) -> None:
    queue_order.step(take=line[moved], by=cast.producer, later=later)
    assert order(cast) == after


def test_the_lane_takes_up_what_was_put_first(cast: Cast, engine: Engine, line: list[Take]) -> None:
    queue_order.put_before(take=line[3], before=line[0].pk, by=cast.producer)
    from generation import lanes

    _, leased = lanes.lease_fairly(limit=1, room={}, now=engine.now)
    assert list(Run.objects.filter(pk__in=leased).values_list("take", flat=True)) == [line[3].pk]


def test_only_ones_own_takes_that_wait_have_an_order(cast: Cast, line: list[Take]) -> None:
    others = engine_rows.take(cast.deliverable, person=cast.reviewer.person)
    Take.objects.filter(pk=line[1].pk).update(state=TakeState.RENDERING)
    for take, before, by in (
        (line[0], others.pk, cast.producer),
        (line[0], line[1].pk, cast.producer),
        (line[1], line[0].pk, cast.producer),
        (line[0], line[2].pk, cast.manager),
    ):
        with pytest.raises(Refused):
            queue_order.put_before(take=take, before=before, by=by)
        with pytest.raises(Refused):
            queue_order.step(take=line[1], by=by, later=True)
    with pytest.raises(MissingRight):
        queue_order.put_before(take=line[0], before=None, by=cast.viewer)
    assert order(cast) == [1, 2, 3, 4]


def test_the_page_moves_by_mouse_and_by_key(cast: Cast, line: list[Take]) -> None:
    client = signed_in(cast.producer)
    page = text(client, QUEUE)
    assert page.count("data-take=") == 4
    assert "data-take=" not in text(client, QUEUE, whose="all")
    address = f"{QUEUE}{line[3].pk}/order/"
    assert client.post(address, {"by": "-1", "before": ""}).status_code == 302
    assert client.post(address, {"by": "", "before": str(line[0].pk)}).status_code == 302
    assert order(cast) == [4, 1, 2, 3]
    assert client.post(address, {"before": "no-take"}).status_code == 404
    refused = statuses(cast, address, method="post", by="1")
    assert refused == {**only(cast, "producer", status=302), "reviewer": 409, "manager": 409}


def place(account: ProviderAccount | None = None, **fields: int) -> dict[str, Place]:
    accounts = [account] if account else []
    return {"fal": Place("fal", accounts=accounts, **fields)}


def test_why_something_waits() -> None:
    now = timezone.now()
    paused = ProviderAccount(name="main", blocked_until=now + datetime.timedelta(minutes=1), enabled=True)
    for words, places, later, kind in (
        ("somebody to upload a file", {}, False, Kind.PERSON),
        ("a person to say whether the provider has this job", {}, False, Kind.PERSON),
        ("fal asked us to wait until 10:00:00 UTC", {}, False, Kind.RATE),
        ("a free place at fal (3 at a time)", {}, False, Kind.PLACE),
        ("fal/x to be well again: it is being probed", {}, False, Kind.BREAKER),
        ("it is resting until 10:00 UTC: 80% of its last 5 calls failed", {}, False, Kind.BREAKER),
        ("The provider was not available. It is tried again.", {}, False, Kind.PROVIDER),
        ("", {}, True, Kind.MINUTE),
        ("", place(paused, limit=3), False, Kind.RATE),
        ("", place(limit=3, in_flight=3), False, Kind.PLACE),
        ("", place(limit=3, in_flight=2), False, Kind.TURN),
    ):
        found, _ = queue_reasons.why(words, provider="fal", later=later, places=places, now=now)
        assert (words, found) == (words, kind)


def test_the_page_says_what_waits_and_why(cast: Cast, line: list[Take]) -> None:
    Run.objects.filter(take=line[0]).update(waiting_for="fal asked us to wait until 10:00:00 UTC")
    Run.objects.filter(take=line[1]).update(waiting_for="a person to say", state=RunState.UNKNOWN)
    factory = {"requested_at": timezone.now(), "state": TakeState.STOPPED_BY_BUDGET}
    Take.objects.filter(pk=line[2].pk).update(**factory)
    Run.objects.filter(take=line[2]).update(state=RunState.FAILED, lane="")
    context = signed_in(cast.producer).get(QUEUE).context
    found = [(reason.kind, reason.number) for reason in context["reasons"]]
    assert found == [(Kind.PERSON, 1), (Kind.BUDGET, 1), (Kind.RATE, 1), (Kind.TURN, 1)]
    assert {reason.kind: reason.oldest for reason in context["reasons"]}[Kind.RATE] == line[0].requested_at


def test_what_did_not_come_out_is_offered_once_more_until_it_was_made(cast: Cast, line: list[Take]) -> None:
    for take in line[:2]:
        Take.objects.filter(pk=take.pk).update(
            state=TakeState.FAILED, failure="The provider took too long.", request_hash=f"{take.number}" * 64
        )
    Take.objects.filter(pk=line[3].pk).update(request_hash="2" * 64)
    client = signed_in(cast.producer)
    assert [take.number for take, _ in client.get(QUEUE).context["ended_badly"]] == [1]
    assert f"/w/studio/takes/{line[0].pk}/retry/" in text(client, QUEUE)
    assert signed_in(cast.reviewer).get(QUEUE).context["ended_badly"] == []
    assert signed_in(cast.viewer).get(QUEUE).context["ended_badly"] == []
