"""Answers that no row can hold, and jobs that another call has: they harm their own call and no other."""

from __future__ import annotations

import http.server
import io
import json
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing.models import Entry
from generation import collect, poll, verdicts
from generation.media import store
from generation.models import Call, ProviderAccount, Run, Verdict
from generation.models.runs import CallState, Lane, RunState
from generation.providers import believable
from generation.providers.protocol import ErrorClass, JobState, Output, ProviderError, Status
from projects.models import Asset, Take
from projects.plain import made_plain
from projects.problems import Invalid
from tests import factories
from tests.cast import Cast
from tests.emulators import media
from tests.factories import utc
from tests.generation import engine_rows
from tests.generation.engine_rows import FLUX, Engine, only_call

ODD = "odd"


class Server(http.server.BaseHTTPRequestHandler):
    """Like fal, but for what `said` it answers of a job whose prompt is odd: status, headers, body."""

    said: dict[str, tuple[int, dict[str, str], Any]] = {}
    jobs = 0

    def log_message(self, *words: object) -> None:
        """Says nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Server.jobs += 1
        name = f"{ODD if ODD in str(body) else 'plain'}-{Server.jobs}"
        self._answer("submit", name, {"request_id": name})

    def do_GET(self) -> None:
        if self.path.endswith("/status"):
            self._answer("status", self.path, {"status": "IN_QUEUE"})
        else:
            self._answer("response", self.path, {"images": []})

    def _answer(self, what: str, name: str, usual: Any) -> None:
        status, headers, told = self.said.get(what, (200, {}, usual)) if ODD in name else (200, {}, usual)
        raw = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.send_response(status)
        for header, value in {**headers, "Content-Length": str(len(raw))}.items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(raw)


@pytest.fixture
def server(cast: Cast, settings: Any) -> Iterator[type[Server]]:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    engine_rows.model(cast.workspace, FLUX, amount="0.05")
    engine_rows.account(cast.workspace, f"http://127.0.0.1:{listening.server_port}")
    Server.said, Server.jobs = {}, 0
    yield Server
    listening.shutdown()
    listening.server_close()


def ask(cast: Cast, prompt: str) -> Take:
    step = engine_rows.step(models=[FLUX], amount="0.05", prompt=prompt)
    return engine_rows.take(cast.deliverable, step, person=cast.producer.person)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ((422, {}, {"detail": "bad \u0000 size"}), CallState.REFUSED),
        ((422, {}, b'{"detail": "bad \\ud800 size"}'), CallState.REFUSED),
        ((429, {"Retry-After": "inf"}, {"detail": "busy"}), CallState.REFUSED),
        ((429, {"Retry-After": "1e15"}, {"detail": "busy"}), CallState.REFUSED),
        ((429, {"Retry-After": "nan"}, {"detail": "busy"}), CallState.REFUSED),
        ((503, {"Retry-After": "Fri, 31 Dec 9999 23:59:59 -1200"}, {"detail": "x"}), CallState.REFUSED),
        ((200, {}, {"request_id": "odd\u0000"}), CallState.ACCEPTED),
        ((200, {}, b'{"request_id": "odd\\ud800"}'), CallState.ACCEPTED),
        ((200, {}, {"request_id": "odd", "status_url": "http://x/\u0000"}), CallState.ACCEPTED),
    ],
)
def test_an_odd_answer_to_a_submit_keeps_no_other_from_being_written(
    cast: Cast, engine: Engine, server: type[Server], answer: Any, state: str
) -> None:
    server.said = {"submit": answer}
    odd, plain = ask(cast, ODD), ask(cast, "A lighthouse")
    engine.submit()
    assert only_call(odd).state == state
    assert only_call(plain).state == CallState.ACCEPTED
    assert only_call(plain).provider_job_id.startswith("plain-")


def test_a_job_that_another_call_has_is_a_lost_answer_and_harms_no_other(
    cast: Cast, engine: Engine, server: type[Server]
) -> None:
    server.said = {"submit": (200, {}, {"request_id": "the-same"})}
    first = ask(cast, ODD)
    engine.submit()
    second, plain = ask(cast, ODD), ask(cast, "A lighthouse")
    engine.submit()
    assert only_call(first).provider_job_id == "the-same"
    assert only_call(plain).state == CallState.ACCEPTED
    assert only_call(second).state == CallState.UNKNOWN
    assert "another call has" in only_call(second).error
    assert engine_rows.open_holds(second) == 1


@pytest.mark.parametrize(
    "said",
    [
        {"status": (503, {"Retry-After": "inf"}, {"detail": "busy"})},
        {"status": (503, {"Retry-After": "1e13"}, {"detail": "busy"})},
        {"status": (200, {}, {"status": "COMPLETED"}), "response": (422, {}, {"detail": "a \u0000"})},
        {
            "status": (200, {}, {"status": "COMPLETED"}),
            "response": (200, {"x-fal-billable-units": "1e30"}, {"images": [{"url": "https://x.test/a"}]}),
        },
        {
            "status": (200, {}, {"status": "COMPLETED"}),
            "response": (422, {"x-fal-billable-units": "1e30", "x-fal-request-id": "1"}, {"detail": "x"}),
        },
        {
            "status": (200, {}, {"status": "COMPLETED"}),
            "response": (200, {}, {"images": [{"url": "https://x.test/\u0000"}]}),
        },
        {
            "status": (200, {}, {"status": "COMPLETED"}),
            "response": (200, {}, b'{"images": [{"url": "https://x.test/\\ud800"}]}'),
        },
    ],
)
def test_an_odd_answer_to_a_poll_keeps_no_other_from_being_written(
    cast: Cast, engine: Engine, server: type[Server], said: Any
) -> None:
    server.said = said
    odd, plain = ask(cast, ODD), ask(cast, "A lighthouse")
    engine.submit()
    engine.later(5)
    engine.poll()
    runs = {run.take_id: run for run in Run.objects.all()}
    assert runs[plain.pk].lease is None
    assert runs[plain.pk].due_at is not None
    assert runs[plain.pk].due_at > engine.now
    assert runs[odd.pk].lease is None


def test_a_poll_that_cannot_be_written_is_asked_again_and_the_others_are_written(
    cast: Cast, engine: Engine, server: type[Server]
) -> None:
    odd, plain = ask(cast, ODD), ask(cast, "A lighthouse")
    engine.submit()
    watched = poll.watch(list(Run.objects.values_list("pk", flat=True)))
    said = Status(JobState.RUNNING)
    object.__setattr__(said, "progress", Decimal(10) ** 9)  # as if a figure had come through unseen
    told = {
        pk: (one, said if one.run.take_id == odd.pk else Status(JobState.RUNNING))
        for pk, one in watched.items()
    }
    poll.record(told, now=engine.now)
    runs = {run.take_id: run for run in Run.objects.all()}
    assert runs[odd.pk].due_at == pytest.approx(
        engine.now + poll.UNWRITTEN_PAUSE, abs=poll.UNWRITTEN_PAUSE / 2
    )
    assert (runs[plain.pk].lane, runs[plain.pk].state) == (Lane.POLL, RunState.RENDERING)
    assert runs[plain.pk].progress > 0


@pytest.mark.parametrize("ended_at", ["1970-01-01T00:00:00", "9999-12-31T23:00:00"])
def test_a_job_ends_between_its_submit_and_now_whatever_the_providers_clock_says(
    cast: Cast, engine: Engine, server: type[Server], ended_at: str
) -> None:
    take = ask(cast, "A lighthouse")
    engine.submit()
    engine.later(5)
    (watched,) = poll.watch(list(Run.objects.values_list("pk", flat=True))).values()
    failed = ProviderError(ErrorClass.BAD_REQUEST, "no", charged=True)
    told = Status(JobState.FAILED, error=failed, ended_at=utc(ended_at))
    poll.record({watched.run.pk: (watched, told)}, now=engine.now)
    call = only_call(take)
    assert call.intended_at is not None
    assert call.ended_at is not None
    assert call.intended_at <= call.ended_at <= engine.now
    assert Entry.objects.get(take=take).service_at == call.ended_at


def test_figures_beyond_any_bill_are_none_at_all() -> None:
    for odd in ("1e9", "-1", "NaN", "Infinity"):
        said = Status(JobState.SUCCEEDED, charge=Decimal(odd), billed_units=Decimal(odd), seed=10**40)
        assert (said.charge, said.billed_units, said.seed) == (None, None, None)
    said = Status(JobState.SUCCEEDED, charge=Decimal("0.05"), billed_units=Decimal(0), seed=-1)
    assert (said.charge, said.billed_units, said.seed) == (Decimal("0.05"), Decimal(0), -1)
    assert believable.progress(Decimal("1.1")) is None
    assert Output(text="a\x00b").text == "a\N{REPLACEMENT CHARACTER}b"


def test_scores_are_kept_as_a_row_can_hold_them() -> None:
    assert collect._scores('{"a": "\\u0000", "b": NaN}') == {"a": "\N{REPLACEMENT CHARACTER}", "b": None}
    assert collect._scores("[" * 100_000) == {}
    assert made_plain({"a\x00": ["\ud800", 1.5, True, None]}) == {
        "a\N{REPLACEMENT CHARACTER}": ["\N{REPLACEMENT CHARACTER}", 1.5, True, None]
    }


def test_an_id_that_another_workspaces_server_made_up_stands_in_nobodys_way(
    cast: Cast, engine: Engine, server: type[Server]
) -> None:
    server.said = {"submit": (200, {}, {"request_id": "the-same"})}
    elsewhere = cast.stranger.workspace
    address = ProviderAccount.objects.get(workspace=cast.workspace).base_url
    engine_rows.model(elsewhere, FLUX, amount="0.05")
    engine_rows.account(elsewhere, address)
    theirs = engine_rows.take(
        factories.deliverable(factories.campaign(factories.project(elsewhere)), "squat"),
        engine_rows.step(models=[FLUX], amount="0.05", prompt=ODD),
    )
    engine.submit()
    ours = ask(cast, ODD)
    engine.submit()
    assert [only_call(take).provider_job_id for take in (theirs, ours)] == ["the-same"] * 2
    assert only_call(ours).state == CallState.ACCEPTED


def test_a_job_that_is_known_already_is_refused_where_it_is_entered(
    cast: Cast, engine: Engine, server: type[Server]
) -> None:
    take = ask(cast, ODD)
    known = ask(cast, "A lighthouse")
    server.said = {"submit": (200, {}, b"nothing that can be read")}
    engine.submit()
    job = only_call(known).provider_job_id
    assert only_call(take).state == CallState.UNKNOWN
    with pytest.raises(Invalid, match="known already"):
        verdicts.say(call=only_call(take), happened=True, job_id=job, by=cast.manager)


def test_an_id_that_became_known_meanwhile_voids_what_was_said_and_nothing_else(
    cast: Cast, engine: Engine, server: type[Server], settings: Any
) -> None:
    settings.HERO_UNDO_SECONDS = 60
    server.said = {"submit": (200, {}, b"nothing that can be read")}
    wrong, other, known = ask(cast, ODD), ask(cast, ODD), ask(cast, "A lighthouse")
    engine.submit()
    said = verdicts.say(call=only_call(wrong), happened=True, job_id="later", by=cast.manager)
    done = verdicts.say(call=only_call(other), happened=False, by=cast.manager)
    Call.objects.filter(run__take=known).update(provider_job_id="later")
    engine.later(120)
    verdicts.carry_out_due(now=engine.now)
    said.refresh_from_db()
    done.refresh_from_db()
    assert (said.state, done.state) == (Verdict.State.VOID, Verdict.State.DONE)
    assert "known already" in said.words
    assert only_call(wrong).state == CallState.UNKNOWN


def test_a_name_in_the_store_is_no_address_that_a_provider_can_give(
    cast: Cast, engine: Engine, server: type[Server]
) -> None:
    """Who knows the hash of another workspace's picture is not handed it by a server of one's own."""
    kept = store.put(io.BytesIO(media.jpeg(seed="another's", width=320, height=192, size=20_000)))
    server.said = {
        "status": (200, {}, {"status": "COMPLETED"}),
        "response": (200, {}, {"images": [{"url": f"store:{kept.name}"}]}),
    }
    take = ask(cast, ODD)
    engine.submit()
    engine.later(5)
    engine.poll()
    engine.collect()
    assert not Asset.objects.filter(workspace=cast.workspace, sha256=kept.sha256).exists()
    assert engine_rows.calls_of(take)[0].error_class == ErrorClass.MALFORMED_OUTPUT


def test_a_webhook_address_with_what_no_text_has_is_not_found(db: None, client: Client) -> None:
    assert client.post("/hooks/fal/%00/", data="{}", content_type="application/json").status_code == 404
