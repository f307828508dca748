"""Lines of web and engine name what they are about, and never a key or a prompt."""

from __future__ import annotations

import io
import json
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest

from circletake import logs
from generation import tasks
from generation.models import Call
from projects.models import Take
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, KEY, Engine
from tests.generation.pages import signed_in

PROMPT = "A lighthouse that nobody may read about"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, at the level of most words, as the JSON that operators collect."""
    written = io.StringIO()
    form: dict[str, Any] = logs.configuration(as_json=True, level="DEBUG")["formatters"]["line"]
    handler = logging.StreamHandler(written)
    handler.setFormatter(form.pop("()")(**form))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.setLevel(before)
    root.removeHandler(handler)


def lines(log: io.StringIO, event: str) -> list[dict[str, Any]]:
    told = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in told if line["event"] == event]


def asked(cast: Cast, words: str = "") -> Take:
    step = engine_rows.step(models=[FLUX], amount="0.05", prompt=f"{PROMPT} {words}")
    return engine_rows.take(cast.deliverable, step, person=cast.producer.person)


def test_a_call_that_ends_names_all_that_it_belongs_to(
    cast: Cast, engine: Engine, fal: Fal, log: io.StringIO
) -> None:
    take = asked(cast)
    engine.submit()
    fal.finish_all(engine)
    engine.until_quiet()
    (line,) = lines(log, "call succeeded")
    call = Call.objects.get()
    expected = {
        "workspace": "studio",
        "take": str(take.pk),
        "run": str(call.run_id),
        "call": str(call.pk),
        "provider": "fal",
        "model": FLUX,
        "level": "info",
    }
    assert line.items() >= expected.items()
    (ready,) = lines(log, "take ready")
    assert (ready["take"], ready["workspace"]) == (str(take.pk), "studio")
    assert {line["run"] for line in lines(log, "run rendering")} == {str(call.run_id)}


def test_neither_keys_nor_prompts_are_ever_logged(
    cast: Cast, engine: Engine, fal: Fal, log: io.StringIO
) -> None:
    for words in ("", "[[fail:unavailable*1]]", "[[fail:moderated]]", "[[fail:lost*1]]"):
        asked(cast, words)
    for _ in range(4):
        engine.turn()
        fal.finish_all(engine)
    client = signed_in(cast.producer)
    client.get("/w/studio/queue/")
    token = fal.account.webhook_token
    client.post(f"/hooks/fal/{token}/", b"{}", content_type="application/json")
    client.get("/invitations/a-secret-of-somebody/")
    told = log.getvalue()
    assert len(told.splitlines()) > 20
    for secret in (KEY, *KEY.split(":"), PROMPT, token, "a-secret-of-somebody"):
        assert secret not in told


def test_lines_of_a_request_carry_its_id_and_what_its_address_names(cast: Cast, log: io.StringIO) -> None:
    take = asked(cast)
    client = signed_in(cast.producer)
    client.post(f"/w/studio/queue/{take.pk}/cancel/")
    client.get("/w/studio/queue/")
    first, second = lines(log, "request")[-2:]
    assert (first["workspace"], first["take"]) == ("studio", str(take.pk))
    assert (second["workspace"], "take" in second) == ("studio", False)
    (cancelled,) = lines(log, "take cancelled")
    assert cancelled["request_id"] == first["request_id"] != second["request_id"]


def test_lines_of_a_lane_name_it(cast: Cast, log: io.StringIO) -> None:
    with tasks._in_lane("submit"):
        logging.getLogger("generation").info("something happened")
    (line,) = lines(log, "something happened")
    assert line["lane"] == "submit"
