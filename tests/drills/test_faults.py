"""The faults of the drill: each is drawn, its behaviour is known, each class is met; and rooms fill up."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from drills import explained, faults, network
from drills.memory import Memory
from generation.media import store
from generation.media.limits import StorageFull
from generation.providers.protocol import ErrorClass
from tests.emulators.behaviour import Behaviour, Script


def test_in_a_thousand_faults_every_kind_is_drawn_and_by_a_seed_the_same() -> None:
    drawn = [faults.draw(dice) for dice in [random.Random(7)] for _ in range(1000)]
    again = [faults.draw(dice) for dice in [random.Random(7)] for _ in range(1000)]
    assert drawn == again
    assert {fault.kind for fault in drawn} == set(faults.SHARES)
    assert {fault.name for fault in drawn if fault.kind == "site"} == set(faults.SITE)
    assert {fault.name for fault in drawn if fault.kind == "provider"} == set(faults.PROVIDER)
    assert 400 < sum(fault.kind == "kill" for fault in drawn) < 520


@pytest.mark.parametrize("name", faults.PROVIDER)
def test_a_fault_of_the_provider_is_met_by_as_many_submits_as_were_drawn(name: str) -> None:
    script = Script(seed=1)
    script.load({"append": True, "rules": [faults.rule(faults.Fault("provider", name, jobs=2))]})
    met = [script.choose({"provider": "fal", "prompt": str(n)}, b"%d" % n)[0] for n in range(3)]
    plain = Behaviour()
    assert [behaviour != plain for behaviour in met] == [True, True, False]


def test_every_class_of_error_is_provoked() -> None:
    """`unknown` by answers that are lost or cannot be read, the others by what the judge takes for them."""
    given = list(faults.PROVIDER.values())
    refused = [explained.SUBMITS.get(one.get("fail", ""), frozenset()) for one in given]
    failed = [explained._fits(one) for one in given]
    met = frozenset().union(*refused, *failed)
    assert met == set(ErrorClass) - {ErrorClass.UNKNOWN}
    assert {one["fail"] for one in given if "fail" in one} - explained.SUBMITS.keys() == {
        "504", "garbage", "empty", "drop", "lost", "crash",
    }  # fmt: skip


def test_faults_that_are_no_kills_are_remembered_of_judged_legs_alone(tmp_path: Path) -> None:
    memory = Memory.of(tmp_path, "chaos.json")
    memory.begin(1)
    memory.struck({"kind": "site", "name": "redis emptied"})
    assert memory.faults() == []
    memory.finish(violations=[])
    memory.begin(2)
    memory.struck({"kind": "site", "name": "cable cut"})
    assert [fault["name"] for fault in Memory.of(tmp_path, "chaos.json").faults()] == ["redis emptied"]
    assert Memory.of(tmp_path).legs == []


@pytest.mark.skipif(not network.possible(), reason="needs root")
def test_a_folder_without_room_refuses_a_file_and_takes_it_once_there_is_room(tmp_path: Path) -> None:
    from django.core.files.storage import FileSystemStorage

    from drills import shelves

    picture = tmp_path / "picture"
    picture.write_bytes(b"\xff\xd8" + bytes(100_000))
    with shelves.FolderShelf(tmp_path / "shelf") as shelf:
        shelf.give(tmp_path / "host1")
        storage = FileSystemStorage(location=tmp_path / "host1" / "media")
        shelf.fill(random.Random(1))
        with pytest.raises(StorageFull):
            store.put(picture, storage=storage)
        shelf.free()
        assert store.exists(store.put(picture, storage=storage).name, storage=storage)
        assert list((tmp_path / "shelf").rglob("*/*/*"))
    assert not list((tmp_path / "shelf").iterdir())
