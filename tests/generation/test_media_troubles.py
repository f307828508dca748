"""Whatever the storage does, a take is neither lost nor charged twice: it waits, and says for what."""

from __future__ import annotations

import io
from typing import Any
from urllib.request import urlopen

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from PIL import Image

from billing.models import Entry
from generation import assets, doctor
from generation.media import store
from generation.models import Run, SketchJob
from generation.models.runs import RunState
from projects.models import Asset, Take
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.emulators import s3 as emulator
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, Engine

FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "down": ({"status": 503, "code": "SlowDown"}, "the storage of media: it answers 503 SlowDown"),
    "slow": ({"delay": 6.0, "cut_after": 0}, "the storage of media: it does not answer in time"),
    "refused": ({"status": 403, "code": "AccessDenied"}, "the storage of media: it refuses our key"),
    "no bucket": ({"status": 404, "code": "NoSuchBucket"}, "the storage of media: there is no bucket media"),
    "full": ({"status": 507, "code": "InsufficientStorage"}, "room for media: the disk is full"),
    "cut": ({"cut_after": 500}, "the storage of media: the connection failed"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_result_waits_for_the_storage_and_nothing_is_lost(
    cast: Cast, engine: Engine, fal: Fal, s3: emulator.Store, name: str
) -> None:
    take = engine_rows.take(cast.deliverable, engine_rows.step(models=[FLUX], amount="0.05"))
    engine.submit()
    fal.finish_all(engine)
    engine.poll()
    fault, words = FAULTS[name]
    scripted = s3.fault(methods="PUT", key="^[0-9a-f]{2}/", **fault)
    engine.collect()
    engine.later(40)
    engine.collect()
    engine.later(40)
    run = Run.objects.get(take=take)
    assert (run.state, run.attempts, run.lease) == (RunState.COLLECTING, 0, None)
    assert run.waiting_for.startswith(words)
    assert (engine_rows.open_holds(take), Entry.objects.count(), Asset.objects.count()) == (1, 0, 0)
    s3.faults.remove(scripted)
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, Entry.objects.filter(take=take).count()) == (TakeState.READY, 1)
    assert engine_rows.open_holds(take) == 0
    assert len(fal.jobs) == 1
    assert {asset.name for asset in Asset.objects.all()} <= set(s3.objects())


def test_a_drawing_waits_for_the_storage_and_is_made(cast: Cast, engine: Engine, s3: emulator.Store) -> None:
    engine_rows.model(cast.workspace)
    take = engine_rows.take(cast.deliverable)
    scripted = s3.fault(methods="PUT", status=503, code="SlowDown")
    engine.submit()
    for _ in range(5):
        engine.draw()
        engine.later(40)
    job = SketchJob.objects.get()
    assert (job.state, job.attempts, job.error) == ("queued", 0, "it answers 503 SlowDown")
    s3.faults.remove(scripted)
    engine.until_quiet()
    take.refresh_from_db()
    assert take.state == TakeState.READY


def test_a_step_whose_input_cannot_be_read_waits_and_holds_up_nobody(
    cast: Cast, engine: Engine, fal: Fal, s3: emulator.Store
) -> None:
    anchor = assets.keep(workspace=cast.workspace, source=picture())
    waits = engine_rows.take(
        cast.deliverable,
        engine_rows.step(
            models=[KONTEXT], kind="edit", inputs=[{"role": "source", "sha256": anchor.sha256}], amount="0.05"
        ),
    )
    goes = engine_rows.take(cast.deliverable, engine_rows.step(models=[FLUX], amount="0.05"))
    engine_rows.model(cast.workspace, KONTEXT, kinds=["edit"], amount="0.05")
    scripted = s3.fault(methods="GET", status=500, code="InternalError")
    engine.submit()
    run = Run.objects.get(take=waits)
    assert (run.state, run.attempts) == (RunState.QUEUED, 0)
    assert run.waiting_for == "the storage of media: it answers 500 InternalError"
    assert Run.objects.get(take=goes).state == RunState.RENDERING
    s3.faults.remove(scripted)
    engine.later(70)
    engine.submit()
    assert Run.objects.get(take=waits).state == RunState.RENDERING


KONTEXT = "fal/fal-ai/flux-pro/kontext"


def picture(colour: str = "#468") -> io.BytesIO:
    file = io.BytesIO()
    Image.new("RGB", (64, 36), colour).save(file, "PNG")
    file.seek(0)
    return file


def test_an_upload_is_refused_in_words_and_kept_when_it_is_sent_again(cast: Cast, s3: emulator.Store) -> None:
    scripted = s3.fault(methods="PUT", status=503, code="SlowDown")
    with pytest.raises(assets.StorageAway) as caught:
        assets.keep(workspace=cast.workspace, source=picture())
    assert (caught.value.status, caught.value.detail) == (
        503,
        "Waiting for the storage of media: it answers 503 SlowDown.",
    )
    scripted.status, scripted.code = 507, "XMinioStorageFull"
    with pytest.raises(assets.NoRoom, match="no room left in the bucket"):
        assets.keep(workspace=cast.workspace, source=picture())
    assert (Asset.objects.count(), s3.objects()) == (0, {})
    s3.faults.remove(scripted)
    asset = assets.keep(workspace=cast.workspace, source=picture())
    assert set(s3.objects()) == {asset.name}


def test_a_file_that_is_refused_never_reaches_the_storage(cast: Cast, s3: emulator.Store) -> None:
    with pytest.raises(assets.BadFile):
        assets.keep(workspace=cast.workspace, source=io.BytesIO(b"no picture at all"))
    assert s3.asked == []


def test_a_file_is_shown_in_whole_and_in_part_to_members_alone(
    cast: Cast, client: Client, s3: emulator.Store
) -> None:
    asset = assets.keep(workspace=cast.workspace, source=picture())
    whole = s3.objects()[asset.name]
    address = f"/w/{cast.workspace.slug}/media/{asset.pk}/"
    assert client.get(address).status_code == 302  # to sign in
    client.force_login(cast.producer.person)
    assert b"".join(client.get(address)) == whole
    part = client.get(address, headers={"Range": "bytes=10-29"})
    assert (part.status_code, part["Content-Range"]) == (206, f"bytes 10-29/{len(whole)}")
    assert b"".join(part) == whole[10:30]
    client.force_login(cast.stranger.person)
    assert client.get(address).status_code == 404


def test_a_storage_that_is_away_is_503_and_a_lost_file_404(
    cast: Cast, client: Client, s3: emulator.Store
) -> None:
    asset = assets.keep(workspace=cast.workspace, source=picture())
    address = f"/w/{cast.workspace.slug}/media/{asset.pk}/"
    client.force_login(cast.producer.person)
    scripted = s3.fault(methods="GET", status=503, code="SlowDown")
    answer = client.get(address)
    assert (answer.status_code, answer["Retry-After"], answer["Cache-Control"]) == (503, "30", "no-store")
    assert answer.content.decode() == (
        "This file cannot be shown now. Waiting for the storage of media: it answers 503 SlowDown."
    )
    s3.faults.remove(scripted)
    store.delete(asset.name)
    assert client.get(address).status_code == 404


def test_where_it_is_set_browsers_are_sent_to_an_address_that_runs_out(
    cast: Cast, client: Client, s3: emulator.Store, settings: Any
) -> None:
    settings.MEDIA_REDIRECT_SECONDS = 60
    asset = assets.keep(workspace=cast.workspace, source=picture())
    address = f"/w/{cast.workspace.slug}/media/{asset.pk}/"
    assert client.get(address)["Location"].startswith("/accounts/login/")
    client.force_login(cast.stranger.person)
    assert client.get(address).status_code == 404
    client.force_login(cast.producer.person)
    answer = client.get(f"{address}?download")
    assert (answer.status_code, answer["Cache-Control"]) == (302, "private, no-store")
    assert "X-Amz-Expires=60&" in answer["Location"]
    with urlopen(answer["Location"]) as told:
        assert told.headers["Content-Disposition"].startswith("attachment")
        assert told.headers["Content-Type"] == "image/png"
        assert told.read() == s3.objects()[asset.name]


def test_doctor_says_what_the_storage_lacks(cast: Cast, s3: emulator.Store) -> None:
    assert doctor._storage() == []
    s3.fault(methods="PUT", status=403, code="AccessDenied")
    (words,) = doctor._storage()
    assert words.startswith("Media cannot be stored: it refuses our key (AccessDenied)")


def test_a_take_never_depends_on_where_its_files_lie(cast: Cast, engine: Engine, s3: emulator.Store) -> None:
    """The built-in renderer's whole road, renditions included, in the bucket."""
    engine_rows.model(cast.workspace)
    take = engine_rows.take(cast.deliverable)
    engine.until_quiet()
    engine.draw()
    assert Take.objects.get(pk=take.pk).state == TakeState.READY
    asset = Asset.objects.get()
    assert asset.renditions.count() == 1
    assert set(s3.objects()) == {asset.name, *asset.renditions.values_list("name", flat=True)}
    assert default_storage.size(asset.name) == asset.size_bytes
