"""What became dearer since it was shown is refused, and one click confirms the new price."""

from __future__ import annotations

import re
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from billing import prices
from billing.models import Hold
from generation import agreed, batch_feed, heroes, reviews, takes
from projects.models import Batch, HeroRequest, Take
from tests.cast import Cast
from tests.generation.matrix_rows import FAST, sketches, started
from tests.generation.pages import signed_in
from tests.studio import finished


@pytest.fixture
def sketch(studio: Cast) -> Any:
    return sketches(studio, 1)[0]


def dearer(cast: Cast, amount: str = "0.05", model: str = FAST) -> None:
    prices.add_row(
        model_key=model,
        unit="image",
        amount=Decimal(amount),
        currency="EUR",
        starts_at=timezone.now(),
        by=cast.finance,
    )


def again(page: str) -> tuple[str, dict[str, Any]]:
    """The address and the fields of the form that confirms the new price."""
    form = re.search(r'<form class="form" method="post" action="([^"]*)">(.*?)</form>', page, re.DOTALL)
    assert form, page
    fields: dict[str, Any] = {}
    for name, value in re.findall(r'name="([^"]*)" value="([^"]*)"', form[2]):
        fields.setdefault(name, []).append(value)
    assert "Confirm · at most" in form[2]
    return form[1], fields


def test_takes_that_cost_more_than_was_confirmed_are_not_made(studio: Cast, sketch: Any) -> None:
    with pytest.raises(agreed.Dearer) as refused:
        takes.make(deliverable=sketch, by=studio.producer, count=2, confirmed=Decimal("0.0399"))
    assert refused.value.extra == {"at_most": "0.04000000", "confirmed": "0.03990000"}
    assert refused.value.detail == "This may cost €0.0400 now; €0.0399 was confirmed."
    assert not Take.objects.exists()
    assert not Hold.objects.exists()
    takes.make(deliverable=sketch, by=studio.producer, count=2, confirmed=Decimal("0.04"))
    assert Take.objects.count() == 2


def test_a_draft_whose_price_rose_is_refused_and_confirmed_with_one_click(studio: Cast, sketch: Any) -> None:
    client, address = signed_in(studio.producer), f"/w/studio/deliverables/{sketch.pk}/"
    page = client.get(address).content.decode()
    assert '<input type="hidden" name="at_most" value="0.02000000" form="request">' in page
    dearer(studio)
    sent = {"count": 1, "prompt": "Two\nlines", "round_id": uuid.uuid4(), "at_most": "0.02000000"}
    refused = client.post(f"{address}make/", sent)
    assert refused.status_code == 409
    assert not Take.objects.exists()
    where, fields = again(refused.content.decode())
    assert (where, fields["at_most"], fields["prompt"]) == (f"{address}make/", ["0.05000000"], ["Two\nlines"])
    assert client.post(where, fields).status_code == 302
    take = Take.objects.get()
    assert (take.prompt, Hold.objects.get().amount) == ("Two\nlines", Decimal("0.05"))


def test_each_button_stands_for_its_own_price(studio: Cast, sketch: Any) -> None:
    client = signed_in(studio.producer)
    sketch.cap = 1
    sketch.save()
    address = f"/w/studio/deliverables/{sketch.pk}/"
    page = client.get(f"{address}quote/?count=2").content.decode()
    assert 'name="at_most-fitting" value="0.02000000"' in page
    assert 'name="fitting" value="1"' in page
    sent = {"count": 2, "fitting": 1, "at_most-fitting": "0.01", "at_most": "9", "round_id": uuid.uuid4()}
    assert client.post(f"{address}make/", sent).status_code == 409
    assert not Take.objects.exists()
    assert client.post(f"{address}make/", {**sent, "at_most-fitting": "0.02"}).status_code == 302
    assert Take.objects.count() == 1
    page = client.get(f"{address}quote/?count=1").content.decode()
    assert 'name="at_most-at-cap" value="0.12000000"' in page
    switch = {"count": 1, "switch": "at-cap", "at_most-at-cap": "0.11", "round_id": uuid.uuid4()}
    assert client.post(f"{address}make/", switch).status_code == 409
    assert client.post(f"{address}make/", {**switch, "at_most-at-cap": "0.12"}).status_code == 302
    assert Take.objects.count() == 2


def test_a_hero_render_is_asked_for_at_the_price_that_was_shown(studio: Cast) -> None:
    take = finished(takes.make(deliverable=studio.deliverable, by=studio.producer).takes.get())
    reviews.review(take=take, decision="select", by=studio.producer)
    take.refresh_from_db()
    client = signed_in(studio.producer)
    refused = client.post(f"/w/studio/takes/{take.pk}/hero/", {"note": "Soon", "at_most": "1.00"})
    assert refused.status_code == 409
    assert not HeroRequest.objects.exists()
    where, fields = again(refused.content.decode())
    assert client.post(where, fields).status_code == 302
    row = HeroRequest.objects.get()
    assert (row.note, f"{row.at_most:.8f}") == ("Soon", fields["at_most"][0])


def test_an_approval_that_was_shown_less_is_confirmed_with_one_click(studio: Cast) -> None:
    take = finished(takes.make(deliverable=studio.deliverable, by=studio.producer).takes.get())
    reviews.review(take=take, decision="select", by=studio.producer)
    take.refresh_from_db()
    row = heroes.request(take=take, by=studio.producer)
    client = signed_in(studio.manager)
    said = {"decision": "approve", "at_most": "0.50"}
    refused = client.post(f"/w/studio/approvals/heroes/{row.pk}/", said)
    assert refused.status_code == 409
    where, fields = again(refused.content.decode())
    assert client.post(where, fields).status_code == 302
    row.refresh_from_db()
    assert row.state == "approved"


def test_the_rest_of_a_batch_is_confirmed_with_one_click(studio: Cast) -> None:
    batch = started(studio, 22)
    dearer(studio, "0.03")
    assert batch_feed.feed_all() == 0
    client = signed_in(studio.producer)
    refused = client.post(f"/w/studio/batches/{batch.pk}/go-on/", {"confirmed": "0.04"})
    assert refused.status_code == 409
    assert Batch.objects.get().state == "stopped"
    where, fields = again(refused.content.decode())
    assert fields["confirmed"] == ["0.06000000"]
    assert client.post(where, fields).status_code == 302
    assert Batch.objects.get().state == "running"


def test_a_refusal_for_another_reason_offers_no_confirmation(studio: Cast, sketch: Any) -> None:
    sketch.state = "written_off"
    sketch.save()
    sent = {"count": 1, "at_most": "0.02", "round_id": uuid.uuid4()}
    refused = signed_in(studio.producer).post(f"/w/studio/deliverables/{sketch.pk}/make/", sent)
    assert refused.status_code == 409
    assert "Confirm ·" not in refused.content.decode()


def test_a_price_that_is_no_number_is_refused_by_name(studio: Cast, sketch: Any) -> None:
    sent = {"count": 1, "at_most": "cheap", "round_id": uuid.uuid4()}
    refused = signed_in(studio.producer).post(f"/w/studio/deliverables/{sketch.pk}/make/", sent)
    assert refused.status_code == 422
    assert not Take.objects.exists()
