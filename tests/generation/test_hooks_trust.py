"""What vouches for a webhook: a secret that was entered or fetched, or only the address that we gave."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from generation import accounts, keyring, tokens
from generation.models import Call, ProviderAccount, Run
from generation.models.runs import CallState, Lane, RunState
from generation.providers import registry, webhooks
from generation.providers.profile import Abilities, Cancels, Profile, SecretFrom, Webhooks
from generation.providers.protocol import Delivery, JobState, Status, WebhookEvent
from projects.models import Take
from tests.cast import Cast
from tests.emulators import inbox as inboxes
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, Engine


@pytest.fixture(autouse=True)
def _nothing_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks.KEY_SETS, "kept", {})
    monkeypatch.setattr(webhooks.KEY_SETS, "tried", {})


@pytest.fixture
def speaks(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets fal's webhooks be vouched for in another way, for the length of a test."""
    fal = registry.get("fal")

    def change(trust: Webhooks, secret: SecretFrom = SecretFrom.NOWHERE, reply: Any = None) -> None:
        def parse(delivery: Delivery) -> WebhookEvent:
            if trust is Webhooks.SECRET:
                webhooks.require_standard(delivery)
            told = json.loads(delivery.body)
            if "challenge" in told:
                return WebhookEvent("", None, reply={"challenge": told["challenge"]})
            return WebhookEvent(str(told["id"]), Status(JobState.FAILED))

        monkeypatch.setattr(
            fal, "profile", Profile("fal", fal.profile.base_urls, webhook_secret=secret), False
        )
        monkeypatch.setattr(fal, "abilities", Abilities(webhooks=trust, cancel=Cancels.RUNNING), False)
        monkeypatch.setattr(fal, "parse_webhook", parse, False)

    return change


@pytest.fixture
def inbox(settings: Any) -> Iterator[inboxes.Inbox]:
    with inboxes.open_inbox() as opened:
        settings.PUBLIC_URL = opened.url
        yield opened


def rendering(cast: Cast, fal: Fal, engine: Engine) -> tuple[Take, Call]:
    """A take whose job is being made, looked at in a long time."""
    ProviderAccount.objects.update(webhooks=True)
    take = engine_rows.take(
        cast.deliverable, engine_rows.step(models=[FLUX], amount="0.05"), person=cast.producer.person
    )
    engine.submit()
    Run.objects.filter(take=take).update(due_at=engine.now.replace(year=2099))
    (call,) = engine_rows.calls_of(take)
    return take, call


def signed(secret: str, body: bytes, *, seconds: int = 0) -> dict[str, str]:
    stamp = str(int(timezone.now().timestamp()) + seconds)
    key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    made = hmac.new(key, f"msg-1.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": "msg-1",
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(made).decode()}",
    }


def deliver(client: Client, path: str, body: bytes, headers: dict[str, str] | None = None) -> Any:
    return client.post(path, data=body, content_type="application/json", headers=headers or {})


def is_due(take: Take) -> bool:
    run = Run.objects.get(take=take)
    return run.due_at is not None and run.due_at <= timezone.now()


def test_an_unsigned_message_at_our_secret_address_is_a_reason_to_poll_and_no_more(
    cast: Cast, engine: Engine, fal: Fal, inbox: inboxes.Inbox, client: Client, speaks: Any
) -> None:
    take, call = rendering(cast, fal, engine)
    speaks(Webhooks.UNSIGNED)
    body = json.dumps({"id": call.provider_job_id}).encode()
    assert deliver(client, f"/hooks/fal/{tokens.token(call.pk)}/", body).status_code == 200
    call.refresh_from_db()
    assert (call.state, is_due(take)) == (CallState.ACCEPTED, True), "what it said of the end is not believed"
    assert engine_rows.states_of(take) == [RunState.RENDERING]


def test_without_our_token_an_unsigned_message_is_nowhere(
    cast: Cast, engine: Engine, fal: Fal, inbox: inboxes.Inbox, client: Client, speaks: Any
) -> None:
    take, call = rendering(cast, fal, engine)
    speaks(Webhooks.UNSIGNED)
    body = json.dumps({"id": call.provider_job_id}).encode()
    assert deliver(client, "/hooks/fal/guessed/", body).status_code == 404
    assert not is_due(take)


def test_a_challenge_is_answered_and_moves_nothing(
    cast: Cast, engine: Engine, fal: Fal, inbox: inboxes.Inbox, client: Client, speaks: Any
) -> None:
    take, call = rendering(cast, fal, engine)
    speaks(Webhooks.UNSIGNED)
    answer = deliver(client, f"/hooks/fal/{tokens.token(call.pk)}/", b'{"challenge": "say this"}')
    assert (answer.status_code, answer.json()) == (200, {"challenge": "say this"})
    assert not is_due(take)


def test_a_message_at_the_accounts_address_is_signed_by_its_secret_new_or_old(
    cast: Cast, engine: Engine, fal: Fal, inbox: inboxes.Inbox, client: Client, speaks: Any
) -> None:
    take, call = rendering(cast, fal, engine)
    speaks(Webhooks.SECRET, SecretFrom.ENTERED)
    for secret in ("whsec_b25l", "whsec_dHdv"):
        accounts.change_webhook_secret(account=fal.account, webhook_secret=secret, by=cast.admin)
    body = json.dumps({"id": call.provider_job_id}).encode()
    address = f"/hooks/fal/{fal.account.webhook_token}/"
    wrong = [
        {},
        signed("whsec_c3RyYW5nZXI=", body),
        signed("whsec_dHdv", body, seconds=-301),
        signed("whsec_dHdv", body + b" "),
    ]
    assert [deliver(client, address, body, one).status_code for one in wrong] == [401] * 4
    assert not is_due(take)
    for secret in ("whsec_b25l", "whsec_dHdv"):
        assert deliver(client, address, body, signed(secret, body)).status_code == 200
    assert is_due(take)
    ProviderAccount.objects.update(old_until=timezone.now())
    assert deliver(client, address, body, signed("whsec_b25l", body)).status_code == 401


def test_without_a_secret_nothing_is_believed(
    cast: Cast, engine: Engine, fal: Fal, inbox: inboxes.Inbox, client: Client, speaks: Any
) -> None:
    """An empty secret is known to everybody."""
    take, call = rendering(cast, fal, engine)
    speaks(Webhooks.SECRET, SecretFrom.ENTERED)
    ProviderAccount.objects.update(encrypted_webhook_secret=keyring.encrypt(""))
    body = json.dumps({"id": call.provider_job_id}).encode()
    address = f"/hooks/fal/{tokens.token(call.pk)}/"
    for secret in ("", "whsec_"):
        assert deliver(client, address, body, signed(secret, body)).status_code == 401
    assert not is_due(take)


def test_a_secret_that_is_fetched_is_fetched_once(
    cast: Cast,
    engine: Engine,
    fal: Fal,
    inbox: inboxes.Inbox,
    client: Client,
    speaks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    async def secret(client: Any, *, account: Any) -> str:
        asked.append(account.id)
        return "whsec_dHdv"

    take, call = rendering(cast, fal, engine)
    speaks(Webhooks.SECRET, SecretFrom.FETCHED)
    monkeypatch.setattr(registry.get("fal"), "webhook_secret", secret, False)
    body = json.dumps({"id": call.provider_job_id}).encode()
    address = f"/hooks/fal/{tokens.token(call.pk)}/"
    for _ in range(3):
        assert deliver(client, address, body, signed("whsec_dHdv", body)).status_code == 200
    assert (asked, is_due(take)) == ([str(fal.account.pk)], True)


def test_a_message_before_the_answer_to_the_submit_names_the_job_even_unsigned(
    cast: Cast, engine: Engine, fal: Fal, inbox: inboxes.Inbox, client: Client, speaks: Any
) -> None:
    take, call = rendering(cast, fal, engine)
    speaks(Webhooks.UNSIGNED)
    job_id = call.provider_job_id
    Call.objects.filter(pk=call.pk).update(state=CallState.INTENDED, provider_job_id="", handle={})
    Run.objects.filter(take=take).update(state=RunState.SUBMITTING, lane=Lane.SUBMIT)
    body = json.dumps({"id": job_id}).encode()
    assert deliver(client, f"/hooks/fal/{tokens.token(call.pk)}/", body).status_code == 200
    call.refresh_from_db()
    assert (call.state, call.provider_job_id) == (CallState.ACCEPTED, job_id)


def test_a_key_that_cannot_be_opened_is_our_fault_and_said_so(
    cast: Cast, engine: Engine, fal: Fal, inbox: inboxes.Inbox, client: Client, speaks: Any
) -> None:
    take, call = rendering(cast, fal, engine)
    speaks(Webhooks.UNSIGNED)
    ProviderAccount.objects.update(encrypted_key=b"nothing")
    body = json.dumps({"id": call.provider_job_id}).encode()
    assert deliver(client, f"/hooks/fal/{tokens.token(call.pk)}/", body).status_code == 503
    assert not is_due(take)
