"""Media on S3-compatible storage: kept once and whole, read from any place, troubles in plain words."""

from __future__ import annotations

import csv
import datetime
import hashlib
import io
import os
import threading
import time
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from generation.media import store
from generation.media.limits import StorageAway, StorageFull
from tests.emulators import s3 as emulator
from tests.generation import s3_media

BODY = os.urandom(300_000)
SHA = hashlib.sha256(BODY).hexdigest()
NAME = store.name_of(SHA)
OLD = datetime.timedelta(hours=2)


def test_a_file_is_kept_under_its_hash_and_read_back(s3: emulator.Store) -> None:
    assert store.put(io.BytesIO(BODY)) == store.Stored(SHA, len(BODY), NAME)
    assert s3.objects() == {NAME: BODY}
    with store.open(NAME) as file:
        assert file.read() == BODY
    with store.local(NAME) as path:
        assert path.read_bytes() == BODY
    store.delete(NAME)
    store.delete(NAME)
    assert (store.exists(NAME), s3.objects()) == (False, {})


def test_the_same_bytes_stored_again_are_not_uploaded_again(s3: emulator.Store) -> None:
    store.put(io.BytesIO(BODY))
    store.put(io.BytesIO(BODY))
    assert s3.asked.count(f"PUT {NAME}") == 1


def test_the_same_bytes_stored_by_two_at_once_are_one_object(s3: emulator.Store) -> None:
    meeting = threading.Barrier(2, timeout=10)
    s3.before_put = lambda key: meeting.wait() and None
    kept: list[store.Stored] = []
    threads = [threading.Thread(target=lambda: kept.append(store.put(io.BytesIO(BODY)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept == [store.Stored(SHA, len(BODY), NAME)] * 2
    assert s3.asked.count(f"PUT {NAME}") == 2
    assert s3.objects() == {NAME: BODY}


def test_what_has_lain_there_for_long_is_made_young_again(s3: emulator.Store) -> None:
    store.put(io.BytesIO(BODY))
    s3.age(NAME, OLD)
    store.put(io.BytesIO(BODY))
    age = datetime.datetime.now(datetime.UTC) - default_storage.get_modified_time(NAME)
    assert age < datetime.timedelta(minutes=1)


def test_a_file_that_is_being_removed_is_stored_once_more(
    s3: emulator.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remover has looked at the old object and not deleted it yet when it is stored again."""
    monkeypatch.setattr(store, "LOOK_SECONDS", 0.05)
    store.put(io.BytesIO(BODY))
    s3.age(NAME, OLD)
    default_storage.save(store.removal_of(NAME), ContentFile(b"x"))
    thread = threading.Thread(target=store.put, args=[io.BytesIO(BODY)])
    thread.start()
    wait_for(lambda: s3.asked.count(f"PUT {NAME}") >= 2)
    default_storage.delete(NAME)
    default_storage.delete(store.removal_of(NAME))
    thread.join(10)
    assert s3.objects() == {NAME: BODY}


def test_a_removal_that_ends_between_the_upload_and_the_look_for_its_mark_loses_nothing(
    s3: emulator.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LOOK_SECONDS", 0)
    is_younger, mark = store._is_younger, store.removal_of(NAME)
    default_storage.save(mark, ContentFile(b"x"))

    def look(name: str, *rest: Any) -> bool:
        if name == mark and default_storage.exists(mark):
            default_storage.delete(NAME)
            default_storage.delete(mark)
        return is_younger(name, *rest)

    monkeypatch.setattr(store, "_is_younger", look)
    store.put(io.BytesIO(BODY))
    assert s3.objects() == {NAME: BODY}


def wait_for(look: Any) -> None:
    until = time.monotonic() + 10
    while not look():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)


@pytest.mark.parametrize(("first", "count"), [(0, 10), (299_990, 10), (100_000, 150_000), (0, 300_000)])
def test_any_part_is_read_without_the_rest(s3: emulator.Store, first: int, count: int) -> None:
    store.put(io.BytesIO(BODY))
    assert b"".join(store.stream(store.open(NAME), first=first, count=count)) == BODY[first : first + count]


def test_a_large_file_goes_up_in_parts_and_comes_back_in_windows(s3: emulator.Store) -> None:
    large = os.urandom(1024) * (40 * 1024)
    kept = store.put(io.BytesIO(large))
    assert s3.asked.count(f"POST {kept.name}") == 2  # begun and completed
    assert s3.asked.count(f"PUT {kept.name}") == 3
    assert s3.uploads == {}
    s3.asked.clear()
    with store.open(kept.name) as file:
        digest = hashlib.sha256()
        while piece := file.read(store.CHUNK):
            digest.update(piece)
    assert digest.hexdigest() == kept.sha256
    assert s3.asked == [f"GET {kept.name}"] * 7  # its size; then 1, 2, 4, 8, 16 and what is left, MB


def test_a_download_that_breaks_off_goes_on_where_it_broke(s3: emulator.Store) -> None:
    store.put(io.BytesIO(BODY))
    with store.open(NAME) as file:
        s3.fault(methods="GET", cut_after=100_000, times=1)
        assert file.read() == BODY


def test_a_download_that_breaks_off_again_and_again_says_so(s3: emulator.Store) -> None:
    store.put(io.BytesIO(BODY))
    with store.open(NAME) as file:
        s3.fault(methods="GET", cut_after=0)
        with pytest.raises(StorageAway):
            file.read()


def test_a_staged_history_is_kept_and_read_as_lines(s3: emulator.Store) -> None:
    name = default_storage.save("histories/w/1-charges.csv", ContentFile(b"a,b\n1,2\n3,4\n"))
    with default_storage.open(name) as file:
        assert list(csv.reader(io.TextIOWrapper(file))) == [["a", "b"], ["1", "2"], ["3", "4"]]


TROUBLES = {
    "down": ({"status": 503, "code": "SlowDown"}, StorageAway, "it answers 503 SlowDown"),
    "refused": ({"status": 403, "code": "AccessDenied"}, StorageAway, "it refuses our key \\(AccessDenied"),
    "slow": ({"delay": 6.0, "cut_after": 0}, StorageAway, "it does not answer in time"),
    "cut": ({"cut_after": 1000}, StorageAway, "the connection failed"),
    "full": ({"status": 507, "code": "XMinioStorageFull"}, StorageFull, "no room left in the bucket"),
    "quota": ({"status": 403, "code": "QuotaExceeded"}, StorageFull, "no room left in the bucket"),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_each_trouble_of_an_upload_has_its_words_and_leaves_nothing(s3: emulator.Store, name: str) -> None:
    fault, error, words = TROUBLES[name]
    scripted = s3.fault(methods="PUT", **fault)
    with pytest.raises(error, match=words):
        store.put(io.BytesIO(BODY))
    assert s3.objects() == {}
    s3.faults.remove(scripted)
    store.put(io.BytesIO(BODY))
    assert s3.objects() == {NAME: BODY}


def test_an_upload_in_parts_that_breaks_off_leaves_no_object_and_no_parts(s3: emulator.Store) -> None:
    s3.fault(methods="PUT", cut_after=1000, times=None)
    with pytest.raises(StorageAway):
        store.put(io.BytesIO(os.urandom(1024) * (20 * 1024)))
    assert (s3.objects(), s3.uploads) == ({}, {})


def test_a_bucket_that_is_not_there_is_named(settings: Any) -> None:
    with emulator.running("another") as (url, _):
        use(settings, url)
        words = "there is no bucket media: create it, or mend MEDIA_BUCKET"
        for attempt in (store.open, store.exists, lambda name: store.put(io.BytesIO(BODY))):
            with pytest.raises(StorageAway, match=words):
                attempt(NAME)


def test_a_wrong_secret_is_told_from_a_missing_file(settings: Any) -> None:
    with emulator.running() as (url, _):
        use(settings, url, secret_key="wrong")
        with pytest.raises(StorageAway, match="SignatureDoesNotMatch"):
            store.open(NAME)


def test_a_missing_file_is_no_trouble_of_the_storage(s3: emulator.Store) -> None:
    with pytest.raises(FileNotFoundError):
        store.open(NAME)


def test_nobody_there_is_said_at_once(settings: Any) -> None:
    with emulator.running() as (url, _):
        pass
    use(settings, url)
    with pytest.raises(StorageAway, match="it cannot be reached"):
        store.put(io.BytesIO(BODY))


def use(settings: Any, url: str, **more: Any) -> None:
    at = {"BACKEND": "generation.media.bucket.Bucket", "OPTIONS": s3_media.options(url, **more)}
    settings.STORAGES = {**settings.STORAGES, "default": at}
