"""Chat webhooks: what is told, tried again, given up, and that an address is a secret."""

from __future__ import annotations

import datetime
import http.server
import json
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from billing import budgets
from billing.models import ChatHook, ChatMessage
from generation import chat, keyring
from projects.access import MissingRight
from projects.problems import Invalid, Refused
from tests import factories
from tests.billing.booking import hold
from tests.cast import Cast
from tests.generation.pages import signed_in, text


class Room:
    """A chat over HTTP: what it was sent, and what it answers next."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.status = 200
        room = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                room.said.append((self.path, self.headers["Content-Type"], json.loads(body)))
                self.send_response(room.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None: ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}/hooks/s3cret"


@pytest.fixture
def room(settings: Any) -> Iterator[Room]:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    found = Room()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def hook(cast: Cast, room: Room) -> ChatHook:
    return chat.add(name="#money", address=room.address, by=cast.admin)


def send(minutes: float = 0) -> int:
    return chat.send_due(now=timezone.now() + datetime.timedelta(minutes=minutes))


def test_a_budget_that_reaches_its_shares_is_told_once_each(cast: Cast, hook: ChatHook, room: Room) -> None:
    own = budgets.set_budget(
        scope="workspace", limit=Decimal(10), window="month", alert_shares=[50, 100, 120], by=cast.finance
    )
    take, now = factories.take(cast.deliverable), timezone.now()
    for amount in ("4", "1", "1", "3.5"):
        hold(take, amount, now=now)
    assert send() == 1
    assert send() == 0
    path, kind, body = room.said[0]
    assert (path, kind, set(body)) == ("/hooks/s3cret", "application/json", {"text"})
    assert body["text"].startswith("Everything in Studio, each month has reached 50 %. 5.00 EUR of 10.00 EUR")
    assert body["text"].endswith(f"/w/studio/budgets/{own.pk}/")
    hold(take, "0.5", now=now)
    assert (send(), room.said[1][2]["text"][:44]) == (1, "Everything in Studio, each month is used up.")


def test_chosen_shares_hold_from_now_on_and_are_checked(cast: Cast, hook: ChatHook) -> None:
    own = budgets.set_budget(scope="workspace", limit=Decimal(10), window="month", by=cast.finance)
    take, now = factories.take(cast.deliverable), timezone.now()
    hold(take, "6", now=now)
    budgets.change_alerts(budget=own, shares=[70, 50, 50], by=cast.manager)
    own.refresh_from_db()
    assert own.alert_shares == [50, 70]
    hold(take, "0.5", now=now)
    assert ChatMessage.objects.count() == 0
    hold(take, "0.5", now=now)
    assert ChatMessage.objects.count() == 1
    for wrong in ([0], [201], [1, 2, 3, 4, 5, 6, 7]):
        with pytest.raises(Invalid) as invalid:
            budgets.change_alerts(budget=own, shares=wrong, by=cast.manager)
        assert set(invalid.value.errors) == {"alert_shares"}
    with pytest.raises(MissingRight):
        budgets.change_alerts(budget=own, shares=[50], by=cast.producer)


def test_a_chat_that_fails_is_tried_again_and_loses_nothing(cast: Cast, hook: ChatHook, room: Room) -> None:
    room.status = 500
    row = chat.send_test(hook=hook, by=cast.admin)
    assert (send(), send()) == (0, 0)
    row.refresh_from_db()
    assert (row.attempts, row.error, row.sent_at, len(room.said)) == (1, "it answered HTTP 500", None, 1)
    room.status = 302
    assert send(1.5) == 0
    assert len(room.said) == 2  # where it points to is not followed
    room.status = 200
    assert send(2.5) == 0
    assert send(4) == 1
    row.refresh_from_db()
    assert (row.attempts, row.error, row.sent_at is not None) == (3, "", True)


def test_what_was_given_up_is_sent_again_when_asked(cast: Cast, hook: ChatHook, room: Room) -> None:
    row = chat.send_test(hook=hook, by=cast.admin)
    room.server.shutdown()
    room.server.server_close()
    ChatMessage.objects.update(attempts=chat.ATTEMPTS - 1)
    assert send() == 0
    row.refresh_from_db()
    assert (row.error, row.given_up_at is not None) == ("it could not be reached", True)
    assert send(60 * 24) == 0
    page = text(signed_in(cast.admin), "/w/studio/settings/chats/")
    assert "given up: it could not be reached" in page
    assert chat.again(hook=hook, by=cast.admin) == 1
    row.refresh_from_db()
    assert (row.attempts, row.given_up_at) == (0, None)


def test_a_chat_that_is_off_waits_and_one_that_is_removed_is_forgotten(
    cast: Cast, hook: ChatHook, room: Room
) -> None:
    chat.send_test(hook=hook, by=cast.admin)
    chat.switch(hook=hook, enabled=False, by=cast.admin)
    assert (send(), room.said) == (0, [])
    with pytest.raises(Refused, match="switched off"):
        chat.send_test(hook=hook, by=cast.admin)
    chat.switch(hook=hook, enabled=True, by=cast.admin)
    assert send() == 1
    chat.send_test(hook=hook, by=cast.admin)
    chat.remove(hook=hook, by=cast.admin)
    hook.refresh_from_db()
    assert (bytes(hook.encrypted_address), hook.enabled) == (b"", False)
    assert (send(60), len(room.said)) == (0, 1)
    with pytest.raises(Refused) as refused:
        chat.switch(hook=hook, enabled=True, by=cast.admin)
    assert refused.value.status == 404


@pytest.mark.parametrize(
    "address",
    [
        "http://chat.example/x",
        "https://10.0.0.7/x",
        "https://[::1]/x",
        "ftp://chat.example",
        "chat",
        "https://u:p@c.example/",
    ],
)
def test_an_address_that_may_not_be_called_is_refused(cast: Cast, address: str) -> None:
    with pytest.raises(Invalid) as invalid:
        chat.add(name="#money", address=address, by=cast.admin)
    assert set(invalid.value.errors) == {"address"}
    assert not ChatHook.objects.exists()


def test_a_name_that_points_inwards_is_not_called(
    cast: Cast, hook: ChatHook, room: Room, settings: Any
) -> None:
    settings.PRIVATE_HOSTS = []
    port = room.server.server_port
    ChatHook.objects.update(encrypted_address=keyring.encrypt(f"http://localhost:{port}/hooks/s3cret"))
    row = chat.send_test(hook=hook, by=cast.admin)
    assert (send(), room.said) == (0, [])
    row.refresh_from_db()
    assert row.error == "it could not be reached"


def test_the_address_is_a_secret_of_the_keyring(
    cast: Cast, hook: ChatHook, room: Room, settings: Any
) -> None:
    client = signed_in(cast.admin)
    page = text(client, "/w/studio/settings/chats/")
    assert "127.0.0.1" in page
    assert "s3cret" not in page
    before = bytes(hook.encrypted_address)
    assert b"s3cret" not in before
    settings.ENCRYPTION_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", *settings.ENCRYPTION_KEYS]
    keyring.rotate()
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    hook.refresh_from_db()
    assert keyring.decrypt(hook.encrypted_address) == room.address
    chat.send_test(hook=hook, by=cast.admin)
    assert send() == 1


def test_an_admin_adds_tests_and_removes_a_chat(cast: Cast, room: Room) -> None:
    client, place = signed_in(cast.admin), "/w/studio/settings/chats/"
    assert client.post(f"{place}add/", {"name": "#money", "address": "nothing"}).status_code == 422
    assert client.post(f"{place}add/", {"name": "#money", "address": room.address}).status_code == 302
    assert client.post(f"{place}add/", {"name": "#money", "address": room.address}).status_code == 422
    hook = ChatHook.objects.get()
    for action in ("test", "again", "switch", "remove"):
        assert client.post(f"{place}{hook.pk}/{action}/").status_code == 302
    assert client.post(f"{place}{hook.pk}/test/").status_code == 404


def test_alerts_are_chosen_on_a_page(cast: Cast) -> None:
    own = budgets.set_budget(scope="workspace", limit=Decimal(10), window="month", by=cast.finance)
    client, place = signed_in(cast.finance), f"/w/studio/budgets/{own.pk}/"
    assert client.post(f"{place}alerts/", {"alert_shares": "half"}).status_code == 422
    assert client.post(f"{place}alerts/", {"alert_shares": "300"}).status_code == 422
    assert client.post(f"{place}alerts/", {"alert_shares": "50; 90 %"}).status_code == 302
    assert "Tells at 50&nbsp;%, 90&nbsp;%" in text(client, place)
    assert client.post(f"{place}alerts/", {"alert_shares": ""}).status_code == 302
    assert "Tells nobody" in text(client, place)
