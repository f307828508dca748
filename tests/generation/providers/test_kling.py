"""Kling's own ways: two dialects, keys of two kinds, sums in the tasks, callbacks that may be unsigned."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import hashlib
import hmac
import json
import pathlib
import time
from decimal import Decimal
from typing import Any

import httpx
import pytest

from generation.providers import kling, kling_answers, kling_keys
from generation.providers.protocol import (
    Account,
    Delivery,
    ErrorClass,
    InputFile,
    Job,
    JobState,
    ModelFacts,
    ProviderError,
    StepRequest,
    WebhookRejected,
)
from routing import catalogue, pricing
from routing.brief import Price
from tests.cast import Cast
from tests.emulators import kling_models
from tests.emulators.inbox import open_inbox
from tests.emulators.server import Running
from tests.generation.engine_rows import Engine
from tests.generation.providers import takes
from tests.generation.providers.kit import Kit, input_file
from tests.generation.providers.kits import kling as kling_kit

REQUEST = StepRequest(
    kind="video",
    prompt="A lighthouse",
    seed=7,
    width=1920,
    height=1080,
    duration_seconds=Decimal(5),
)
PAIR = json.dumps({"access_key": "access-1", "secret_key": "secret-1"})
SETTINGS = {"multi_shot": False, "audio": "off", "duration": 5, "resolution": "1080p"}
UNMARKED = {"watermark_info": {"enabled": False}}


@pytest.fixture
def kit(emulator: Running) -> Kit:
    return kling_kit.make(emulator)


def translate(endpoint: str, **changes: Any) -> Job:
    facts = ModelFacts(f"kling/{endpoint}", endpoint, {})
    return kling.provider.translate(model=facts, request=dataclasses.replace(REQUEST, **changes))


def frame(path: pathlib.Path, role: str = "first_frame") -> InputFile:
    return input_file(path / f"{role}.jpg", role=role)


# -- translation ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "path", "body"),
    [
        (
            "kling-3.0",
            "/text-to-video/kling-3.0",
            {
                "prompt": "A lighthouse",
                "settings": {**SETTINGS, "aspect_ratio": "16:9"},
                "options": UNMARKED,
            },
        ),
        (
            "kling-3.0/4k",
            "/text-to-video/kling-3.0",
            {
                "prompt": "A lighthouse",
                "settings": {**SETTINGS, "resolution": "4k", "aspect_ratio": "16:9"},
                "options": UNMARKED,
            },
        ),
        (
            "kling-3.0-turbo",
            "/text-to-video/kling-3.0-turbo",
            {
                "prompt": "A lighthouse",
                "settings": {**SETTINGS, "aspect_ratio": "16:9"},
                "options": UNMARKED,
            },
        ),
        (
            "kling-3.0-omni",
            "/omni-video/kling-3.0-omni",
            {
                "contents": [{"type": "prompt", "text": "A lighthouse"}],
                "settings": {**SETTINGS, "aspect_ratio": "16:9"},
                "options": UNMARKED,
            },
        ),
        (
            "kling-2.6",
            "/v1/videos/text2video",
            {
                "model_name": "kling-v2-6",
                "prompt": "A lighthouse",
                "mode": "pro",
                "duration": "5",
                "sound": "off",
                "aspect_ratio": "16:9",
            },
        ),
        (
            "kling-2.5-turbo",
            "/v1/videos/text2video",
            {
                "model_name": "kling-v2-5-turbo",
                "prompt": "A lighthouse",
                "mode": "pro",
                "duration": "5",
                "aspect_ratio": "16:9",
            },
        ),
        (
            "kling-v3",
            "/v1/images/generations",
            {
                "model_name": "kling-v3",
                "aspect_ratio": "16:9",
                "prompt": "A lighthouse",
                "resolution": "2k",
            },
        ),
    ],
)
def test_a_request_in_words_becomes_the_models_own_body(
    endpoint: str, path: str, body: dict[str, Any]
) -> None:
    job = translate(endpoint, duration_seconds=None if endpoint == "kling-v3" else Decimal(5))
    assert job.payload == {"path": path, "body": body}
    assert (job.dropped, job.adjusted) == (("seed",), ())


@pytest.mark.parametrize(
    ("endpoint", "path", "frames"),
    [
        ("kling-3.0", "/image-to-video/kling-3.0", ["first_frame", "last_frame"]),
        ("kling-3.0/4k", "/image-to-video/kling-3.0", ["first_frame", "last_frame"]),
        ("kling-3.0-turbo", "/image-to-video/kling-3.0-turbo", ["first_frame"]),
        ("kling-3.0-omni", "/omni-video/kling-3.0-omni", ["first_frame", "last_frame"]),
    ],
)
def test_frames_become_contents_of_the_route_for_pictures(
    endpoint: str, path: str, frames: list[str], tmp_path: pathlib.Path
) -> None:
    first, last = frame(tmp_path), frame(tmp_path, "last_frame")
    job = translate(endpoint, inputs=(first, last))
    at = {"first_frame": first, "last_frame": last}
    assert job.payload["path"] == path
    assert job.payload["body"]["contents"] == [
        {"type": "prompt", "text": "A lighthouse"},
        *({"type": name, "url": {"file": at[name].sha256}} for name in frames),
    ]
    assert "aspect_ratio" not in job.payload["body"]["settings"]
    assert job.dropped == ("seed", *(name for name in at if name not in frames))


def test_pictures_go_in_as_bare_base64_and_a_source_is_the_first_frame(
    kit: Kit, tmp_path: pathlib.Path
) -> None:
    source = frame(tmp_path, "source")
    for endpoint in ("kling-3.0", "kling-2.6"):
        kit.submit(dataclasses.replace(translate(endpoint, inputs=(source,)), token=endpoint))
    text = base64.b64encode(pathlib.Path(source.path).read_bytes()).decode()
    newer, older = list(kit.served.jobs.values())
    assert newer.body["contents"][1] == {"type": "first_frame", "url": text}
    assert older.body["image"] == text


def test_omni_takes_references_beside_the_words(kit: Kit, tmp_path: pathlib.Path) -> None:
    pictures = tuple(
        dataclasses.replace(frame(tmp_path, f"reference{n}"), role="reference") for n in range(3)
    )
    job = translate("kling-3.0-omni", inputs=pictures)
    kit.submit(job)
    (made,) = kit.served.jobs.values()
    assert [item["type"] for item in made.body["contents"]] == ["prompt", *["refer_image"] * 3]
    assert translate("kling-3.0", inputs=pictures).dropped == ("seed", "reference")


@pytest.mark.parametrize(
    ("endpoint", "asked", "sent", "adjusted"),
    [
        ("kling-3.0", "2.5", 3, ("duration: 2.5 s becomes 3 s",)),
        ("kling-3.0", "20", 15, ("duration: 20 s becomes 15 s",)),
        ("kling-2.6", "6", "10", ("duration: 6 s becomes 10 s",)),
    ],
)
def test_a_duration_is_a_whole_number_or_one_of_two_texts(
    endpoint: str, asked: str, sent: Any, adjusted: tuple[str, ...]
) -> None:
    job = translate(endpoint, duration_seconds=Decimal(asked))
    body = job.payload["body"]
    assert body.get("settings", body)["duration"] == sent
    assert job.adjusted == adjusted


@pytest.mark.parametrize(
    ("height", "resolution"),
    [
        (480, "720p"),
        (720, "720p"),
        (736, "1080p"),
        (1080, "1080p"),
        (1088, "1080p"),
        (1104, "4k"),
        (2160, "4k"),
    ],
)
def test_the_resolution_that_is_sent_for_a_height_is_the_one_that_is_priced(
    height: int, resolution: str
) -> None:
    job = translate("kling-3.0", width=height * 16 // 9, height=height)
    assert job.payload["body"]["settings"]["resolution"] == resolution
    row = next(entry for entry in catalogue.read() if entry["key"] == "kling/kling-3.0")
    price = Price(
        unit="second",
        amount=Decimal(row["amount"]),
        currency="USD",
        row="",
        conditions=row["price_conditions"],
    )
    sold = Decimal(str(kling_models.PRICES["kling-3.0"][resolution]))
    assert pricing.unit_amount(price, height=height) == sold


@pytest.mark.parametrize("endpoint", [name for name in kling.sheet.endpoints() if " " not in name])
def test_a_full_request_is_accepted_by_every_endpoint(
    kit: Kit, tmp_path: pathlib.Path, endpoint: str
) -> None:
    inputs = tuple(frame(tmp_path, role) for role in ("first_frame", "last_frame", "reference"))
    kit.submit(dataclasses.replace(translate(endpoint, inputs=inputs), token="run-1"))
    kit.submit(dataclasses.replace(translate(endpoint), token="run-2"))
    assert [entry["token"] for entry in kit.log()] == ["run-1", "run-2"]


def test_every_described_route_is_one_that_the_emulator_knows() -> None:
    paths = {kling.sheet.entry(name)["path"].lstrip("/") for name in kling.sheet.endpoints()}
    assert paths == {*kling_models.ROUTES, *kling_models.V1}


def test_the_catalogue_marks_exactly_the_models_that_cannot_be_asked() -> None:
    entries = [entry for entry in catalogue.read() if entry["provider"] == "kling"]
    known = {entry["endpoint"]: entry["capabilities"].get("parameters_known", True) for entry in entries}
    described = {name for name in kling.sheet.endpoints() if " " not in name}
    assert {name for name, is_known in known.items() if is_known} == described
    assert len(known) == 11


# -- keys -----------------------------------------------------------------------------------------


def test_a_token_has_the_claims_that_are_asked_for_and_a_true_signature() -> None:
    head, claims, signature = kling_keys.token("access-1", "secret-1", now=1_790_000_000).split(".")

    def read(text: str) -> bytes:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    assert json.loads(read(head)) == {"alg": "HS256", "typ": "JWT"}
    assert json.loads(read(claims)) == {"iss": "access-1", "exp": 1_790_001_800, "nbf": 1_789_999_995}
    made = hmac.new(b"secret-1", f"{head}.{claims}".encode(), hashlib.sha256).digest()
    assert read(signature) == made


def test_an_access_key_asks_the_older_routes_and_is_refused_by_the_newer_ones(kit: Kit) -> None:
    kit.account = dataclasses.replace(kit.account, key=PAIR)
    submitted = kit.submit(kit.job(makes="picture"))
    assert kit.finished(submitted).state is JobState.SUCCEEDED
    assert kit.log()[0]["key"] == "access-1"
    assert kit.test() == "Kling accepted the key."
    with pytest.raises(ProviderError) as caught:
        kit.submit(kit.job())
    assert (caught.value.error_class, caught.value.charged) == (ErrorClass.AUTH, False)


@pytest.mark.parametrize(
    ("key", "now", "code"),
    [
        ({"access_key": "access-1", "secret_key": "wrong"}, 0, "1002"),
        ({"access_key": "nobody", "secret_key": "secret-1"}, 0, "1002"),
        ({"access_key": "access-1", "secret_key": "secret-1"}, 100, "1003"),
        ({"access_key": "access-1", "secret_key": "secret-1"}, -2000, "1004"),
    ],
)
def test_a_token_that_is_wrong_early_or_old_is_told_as_a_matter_of_the_key(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, key: dict[str, str], now: int, code: str
) -> None:
    at = time.time() + now
    monkeypatch.setattr(kling_keys.time, "time", lambda: at)
    monkeypatch.setattr(kit.served, "clock_of_tokens", lambda: at - now)
    kit.account = dataclasses.replace(kit.account, key=json.dumps(key))
    with pytest.raises(ProviderError) as caught:
        kit.test()
    assert caught.value.error_class is ErrorClass.AUTH
    assert f"code {code}" in caught.value.detail


def test_an_account_with_both_kinds_of_key_uses_each_where_it_belongs() -> None:
    both = json.dumps({"api_key": "api-key-1", **json.loads(PAIR)})
    account = Account("a", "kling", both, "")
    assert kling_keys.bearer(account, older_route=False) == "api-key-1"
    assert kling_keys.bearer(account, older_route=True).count(".") == 2


# -- tasks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["list", "object"])
@pytest.mark.parametrize("unknown", ["empty", "error"])
def test_a_query_is_read_in_either_shape(kit: Kit, shape: str, unknown: str) -> None:
    kit.served.shape, kit.served.unknown = shape, unknown  # type: ignore[attr-defined]
    submitted = kit.submit(kit.job())
    assert kit.finished(submitted).state is JobState.SUCCEEDED
    assert kit.poll(dataclasses.replace(submitted, job_id="1")).state is JobState.LOST
    found = kit.find("run-1")
    assert found is not None
    assert found.job_id == submitted.job_id
    assert kit.find("run-2") is None


def test_a_task_of_the_older_dialect_is_found_on_whichever_of_its_routes_it_lies(
    kit: Kit, tmp_path: pathlib.Path
) -> None:
    job = translate("kling-2.6", inputs=(frame(tmp_path),))
    submitted = kit.submit(dataclasses.replace(job, token="run-9"))
    found = kit.find("run-9", endpoint="kling-2.6")
    assert found is not None
    assert (found.job_id, found.handle) == (submitted.job_id, {"endpoint": "kling-2.6"})
    status = kit.finished(found)
    assert (status.state, status.outputs[0].media_type) == (JobState.SUCCEEDED, "video/mp4")
    assert kit.find("run-10", endpoint="kling-2.6") is None


CASH = {"charge_type": "cash", "amount": "0.42", "currency": "USD"}


@pytest.mark.parametrize(
    ("billing", "charge", "currency", "charged"),
    [
        ([CASH], Decimal("0.42"), "USD", True),
        ([CASH, {**CASH, "amount": "0.08"}], Decimal("0.50"), "USD", True),
        ([{**CASH, "currency": "CNY"}], Decimal("0.42"), "CNY", True),
        ([{**CASH, "charge_type": "unit", "amount": "3"}], None, "", True),
        ([CASH, {**CASH, "charge_type": "unit", "amount": "3"}], None, "", True),
        ([CASH, {**CASH, "currency": "CNY"}], None, "", True),
        ([{**CASH, "amount": "0"}], Decimal(0), "USD", False),
        ([{**CASH, "amount": "much"}], None, "", None),
        ([], None, "", False),
        (None, None, "", None),
    ],
)
def test_money_is_what_the_task_says_and_silence_is_kept(
    billing: Any, charge: Decimal | None, currency: str, charged: bool | None
) -> None:
    task = {"id": "1", "status": "failed", "message": "Internal error", "billing": billing}
    status = kling_answers.status(task)
    assert status.error is not None
    assert (status.charge, status.charge_currency, status.error.charged) == (charge, currency, charged)


@pytest.mark.parametrize(
    ("code", "error_class", "ambiguous"),
    [(1301, ErrorClass.MODERATED, False), (1101, ErrorClass.INSUFFICIENT_CREDIT, False),
     (5001, ErrorClass.UNAVAILABLE, True), (9999, ErrorClass.UNAVAILABLE, False)],
)  # fmt: skip
def test_a_code_other_than_nought_is_an_error_whatever_the_status(
    code: int, error_class: ErrorClass, ambiguous: bool
) -> None:
    response = httpx.Response(200, json={"code": code, "message": "no", "data": {"id": "1"}})
    error = kling_answers.refused(response)
    assert (error.error_class, error.ambiguous) == (error_class, ambiguous)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_gateway_that_says_nothing_of_the_task_leaves_it_in_doubt(status: int) -> None:
    error = kling_answers.refused(httpx.Response(status, text="<center>nginx</center>"))
    assert (error.ambiguous, error.charged) == (True, None)


def test_a_state_that_nobody_knows_is_no_success() -> None:
    with pytest.raises(ProviderError, match="'done'"):
        kling_answers.status({"id": "1", "status": "done"})


# -- callbacks ------------------------------------------------------------------------------------

VECTOR_BODY = (
    b'{"id":"1234567890","status":"succeeded","message":"","create_time":1781080778802,'
    b'"update_time":1781080794151}'
)
VECTOR = Delivery(
    headers={
        "webhook-id": "9876543210",
        "webhook-timestamp": "1781080794",
        "webhook-signature": "v1,UsKlJP00XoQyOn410NM9xv34sP+Gl0jnOO9Lcpr7NJ4=",
    },
    body=VECTOR_BODY,
    now=datetime.datetime.fromtimestamp(1781080800, datetime.UTC),
    secrets=("whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI=",),
)


def test_the_signature_that_kling_publishes_holds_and_holds_no_longer_than_five_minutes() -> None:
    assert kling.provider.parse_webhook(VECTOR).job_id == "1234567890"
    late = dataclasses.replace(VECTOR, now=VECTOR.now + datetime.timedelta(seconds=295))
    with pytest.raises(WebhookRejected, match="five minutes"):
        kling.provider.parse_webhook(late)


def test_without_a_secret_a_callback_says_no_more_than_that_a_poll_is_due(kit: Kit) -> None:
    kit.account = dataclasses.replace(kit.account, webhook_secrets=())
    with open_inbox() as inbox:
        submitted = kit.submit(kit.job("[[webhook:unsigned]]", webhook_url=f"{inbox.url}/hooks/run-1/"))
        kit.emulator.advance(200)
        (letter,) = inbox.wait(1)
    event = kit.receive(letter)
    assert (event.job_id, event.status) == (submitted.job_id, None)


def test_a_callback_of_a_task_that_is_under_way_or_of_the_older_dialect_is_read() -> None:
    running = dataclasses.replace(VECTOR, secrets=(), body=b'{"id":"1","status":"processing"}')
    older = dataclasses.replace(VECTOR, secrets=(), body=b'{"task_id":"2","task_status":"succeed"}')
    assert kling.provider.parse_webhook(running).job_id == "1"
    assert kling.provider.parse_webhook(older).job_id == "2"


# -- a take ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_take_is_made_and_booked_at_the_sum_that_the_task_names(
    kit: Kit, cast: Cast, engine: Engine
) -> None:
    film = {"kind": "video", "duration_seconds": "5", "width": 1280, "height": 720}
    take = takes.begin(kit, cast, "kling/kling-3.0", **film)
    entry = takes.finish(kit, engine, take)
    assert (entry.native_amount, entry.native_currency, entry.amount) == (
        Decimal("0.42"),
        "USD",
        Decimal("0.378"),
    )
    assert entry.calculation == "kling reported 0.42000000 USD"
    asset = take.take_assets.get(role="output").asset
    assert (asset.kind, asset.media_type) == ("video", "video/mp4")


@pytest.mark.django_db
def test_a_lost_answer_is_looked_up_and_nothing_is_made_twice(kit: Kit, cast: Cast, engine: Engine) -> None:
    film = {"kind": "video", "duration_seconds": "5", "width": 1280, "height": 720}
    take = takes.begin(kit, cast, "kling/kling-3.0", prompt="A lighthouse [[fail:lost*1]]", **film)
    entry = takes.finish(kit, engine, take)
    assert entry.native_amount == Decimal("0.42")
    assert [one["answered"] for one in kit.log()] == [False]
