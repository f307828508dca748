"""What the take desk says of what has ended: who decided and why, and why a take has no picture."""

from __future__ import annotations

from django.utils import timezone

from generation import reviews, takes
from projects.models import Deliverable, Take
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.generation.pages import signed_in, text
from tests.studio import finished


def desk(cast: Cast) -> str:
    return f"/w/studio/deliverables/{cast.deliverable.pk}/"


def made(cast: Cast) -> Take:
    return takes.make(deliverable=cast.deliverable, by=cast.producer).takes.get()


def test_the_desk_says_who_signed_off_or_dropped_and_why(studio: Cast) -> None:
    take = finished(made(studio))
    reviews.review(take=take, decision="accept", as_is=True, note="Clear enough", by=studio.manager)
    signed_off = text(signed_in(studio.viewer), desk(studio))
    assert "Take 1 is signed off as is" in signed_off
    assert f"By {studio.manager.person}, " in signed_off
    assert "Clear enough" in signed_off
    reviews.review(take=take, decision="reverse", note="Too early", by=studio.manager)
    deliverable = Deliverable.objects.get(pk=studio.deliverable.pk)
    reviews.write_off(deliverable=deliverable, reason="The client left", by=studio.manager)
    dropped = text(signed_in(studio.viewer), desk(studio))
    assert "This deliverable was dropped" in dropped
    assert "The client left" in dropped
    assert "Take 1 is signed off" not in dropped
    assert 'data-dialog="reopen"' not in dropped
    assert 'data-dialog="reopen"' in text(signed_in(studio.manager), desk(studio))


def test_a_failure_reads_as_a_sentence_beside_its_cost(studio: Cast) -> None:
    take = made(studio)
    Take.objects.filter(pk=take.pk).update(
        state=TakeState.FAILED, failure="image: the file cannot be decoded", ended_at=timezone.now()
    )
    page = text(signed_in(studio.producer), desk(studio))
    assert "Image: the file cannot be decoded. Nothing was charged." in page
