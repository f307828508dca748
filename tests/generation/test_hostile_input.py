"""What a hostile or hasty sender brings: it harms nobody else, and spends nothing that was not seen."""

from __future__ import annotations

import copy
import http.server
import threading
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from billing import prices
from billing.models import Hold, PriceRow
from generation import addresses, caps, charges, heroes, intents, recall, requests, takes
from generation.models import Call, Recipe, Run
from generation.models.runs import RunState
from generation.providers import answers, clients, fal_storage, webhooks
from generation.providers.protocol import Account, InputFile, ProviderError
from projects import briefs, notices, people, work
from projects import tokens as api_tokens
from projects.models import Deliverable, HeroRequest, Invitation, Membership, Project, Take, Workspace
from projects.models.decisions import RequestState
from projects.problems import BadLines, Invalid
from tests import factories
from tests.cast import Cast, make_cast
from tests.generation import engine_rows
from tests.generation.engine_rows import SKETCH, Engine
from tests.generation.pages import signed_in

HEADER = "key,name,category,brief,format,cap"
DEARER = Decimal("0.50")


# --- a request that comes back, and the lane that everybody shares ---------------------------------


@pytest.mark.parametrize(
    "spoil",
    [
        {"role": "reference"},
        {"role": "prompt"},
        {"role": "source", "step": ""},
        {"role": "source", "step": "nowhere"},
        {"role": "prompt", "sha256": "f" * 64},
    ],
)
def test_an_input_that_names_no_file_and_no_step_is_refused(studio: Cast, spoil: dict[str, str]) -> None:
    made = takes.make(deliverable=studio.deliverable, by=studio.producer, seed=1).takes.get()
    request = copy.deepcopy(made.recipe.request)
    request["steps"][0]["inputs"].append(spoil)
    with pytest.raises(Invalid):
        takes.make(deliverable=studio.deliverable, by=studio.producer, request=request)
    assert Take.objects.count() == 1


def test_a_hero_render_is_not_made_by_calling_it_a_draft(studio: Cast) -> None:
    hero = requests.resolve(deliverable=studio.deliverable, phase="hero", seed=1).request
    for pipeline in (hero["pipeline"], hero["pipeline"].partition("@")[0]):
        with pytest.raises(Invalid, match="No recall"):
            takes.make(
                deliverable=studio.deliverable,
                by=studio.producer,
                request={**hero, "phase": "draft", "pipeline": pipeline},
            )
    assert (Take.objects.count(), Hold.objects.count()) == (0, 0)


def test_what_an_earlier_table_made_can_be_made_again(studio: Cast) -> None:
    hero = requests.resolve(deliverable=studio.deliverable, phase="hero", seed=1).request
    former = {**hero, "phase": "draft"}
    made = factories.take(studio.deliverable, prompt=former["prompt"])
    Recipe.objects.create(take=made, request=former, request_hash="0" * 64, pipeline=former["pipeline"])
    again = takes.make(deliverable=studio.deliverable, by=studio.producer, request=former)
    assert again.takes.get().recipe.pipeline == hero["pipeline"]


def first_step(request: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = request["steps"][0]
    return found


@pytest.mark.parametrize(
    "spoil",
    [
        lambda request: first_step(request)["parameters"].update(num_images=4),
        lambda request: first_step(request)["choices"][0]["parameters"].update(duration=10),
        lambda request: first_step(request).update(width=4096, height=4096),
        lambda request: first_step(request).update(duration_seconds="60"),
        lambda request: first_step(request).update(prompt="Something else"),
        lambda request: request.update(more="x"),
    ],
)
def test_what_no_recall_answers_is_not_made(studio: Cast, spoil: Callable[[dict[str, Any]], object]) -> None:
    """What is told to a model by name is in no price: four pictures would be held as one."""
    made = takes.make(deliverable=studio.deliverable, by=studio.producer, seed=1).takes.get()
    request = copy.deepcopy(made.recipe.request)
    spoil(request)
    with pytest.raises(Invalid, match="No recall"):
        takes.make(deliverable=studio.deliverable, by=studio.producer, request=request)
    assert Take.objects.count() == 1


@pytest.mark.parametrize("what", ["all", "seed", "prompt", "remix"])
def test_whatever_a_recall_answers_is_made(studio: Cast, what: str) -> None:
    made = takes.make(
        deliverable=studio.deliverable, by=studio.producer, seed=1, prompt="A pier in fog"
    ).takes.get()
    answered = recall.recall(take=made, what=what)
    again = takes.make(
        deliverable=studio.deliverable, by=studio.producer, request=answered.request
    ).takes.get()
    assert again.request_hash == answered.request_hash


@pytest.mark.parametrize(
    "odd",
    [
        {"inputs": [{"role": "reference"}]},
        {"parameters": {"lag_seconds": "soon"}},
        {"parameters": {"lag_seconds": "1e30"}},
        {"parameters": ["lag_seconds"]},
        {"guidance": "much"},
    ],
)
def test_a_run_that_cannot_be_translated_keeps_no_other_from_its_turn(
    cast: Cast, engine: Engine, odd: dict[str, Any]
) -> None:
    engine_rows.model(cast.workspace)
    spoilt = engine_rows.take(cast.deliverable, engine_rows.step(**odd), person=cast.producer.person)
    sound = engine_rows.take(cast.deliverable, person=cast.reviewer.person)
    engine.submit()
    assert engine_rows.states_of(sound) == [RunState.RENDERING]
    assert engine_rows.states_of(spoilt) == [RunState.FAILED]
    assert engine_rows.open_holds(spoilt) == 0


def test_jobs_that_are_told_to_lag_take_no_others_place(cast: Cast, engine: Engine) -> None:
    engine_rows.model(cast.workspace)
    places = intents.local_room(now=engine.now)
    lagging = engine_rows.step(parameters={"lag_seconds": 90_000})
    for _ in range(places):
        engine_rows.take(cast.deliverable, lagging, person=cast.producer.person)
    engine.submit()
    sound = engine_rows.take(cast.deliverable, person=cast.reviewer.person)
    engine.submit()
    assert engine_rows.states_of(sound) == [RunState.RENDERING]


# --- prices that were not seen ---------------------------------------------------------------------


def dearer(studio: Cast) -> None:
    prices.add_row(
        model_key="builtin/motion-cinema",
        unit="second",
        amount=DEARER,
        currency="EUR",
        by=studio.finance,
        starts_at=timezone.now(),
    )


def test_a_second_click_does_not_approve_the_price_that_the_first_one_was_refused_for(
    asked: HeroRequest, studio: Cast
) -> None:
    client = signed_in(studio.manager)
    page = client.get(f"/w/studio/approvals/?request={asked.pk}").content.decode()
    assert f'name="at_most" value="{asked.at_most}"' in page
    dearer(studio)
    shown = {"decision": "approve", "at_most": str(asked.at_most)}
    said = [client.post(f"/w/studio/approvals/heroes/{asked.pk}/", shown).status_code for _ in range(2)]
    asked.refresh_from_db()
    assert (said, asked.state) == ([409, 409], RequestState.WAITING)
    assert Hold.objects.filter(take__phase="hero").count() == 0
    shown["at_most"] = str(asked.at_most)
    assert client.post(f"/w/studio/approvals/heroes/{asked.pk}/", shown).status_code == 302
    asked.refresh_from_db()
    assert asked.state == RequestState.APPROVED


def test_nor_does_a_call_that_says_what_it_agrees_to(asked: HeroRequest, studio: Cast) -> None:
    token, client = api_tokens.issue(membership=studio.manager), Client()
    agreed = str(asked.at_most)
    dearer(studio)
    said = [
        client.post(
            f"/api/v1/hero-requests/{asked.pk}/decisions/",
            {"decision": "approve", "at_most": agreed},
            content_type="application/json",
            headers={"authorization": f"Token {token}", "Idempotency-Key": f"key-{number}"},
        ).status_code
        for number in range(2)
    ]
    assert said == [409, 409]
    assert Hold.objects.filter(take__phase="hero").count() == 0


def test_an_approval_is_taken_back_although_the_same_render_was_asked_for_again(
    asked: HeroRequest, draft: Take, studio: Cast, settings: Any
) -> None:
    settings.HERO_UNDO_SECONDS = 60
    first = heroes.approve(hero_request=asked, by=studio.manager)
    again = heroes.request(take=draft, by=studio.producer)
    taken_back = heroes.undo(hero_request=first, by=studio.manager)
    assert (taken_back.state, taken_back.hero_take, again.state) == ("void", None, "waiting")
    assert Hold.objects.filter(take__phase="hero", outcome__isnull=True).count() == 0


def test_a_charge_is_reckoned_by_what_its_own_workspace_says_of_the_model() -> None:
    """Two workspaces may each have a model of their own under one key."""
    own, other, row = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    noon = factories.utc("2026-10-15T12:00")
    price = PriceRow(pk=row, unit="compute_second", amount=Decimal("0.01"), currency="EUR")
    books = charges.Books(
        price_rows={row: price},
        capabilities={(own, SKETCH): {"typical_units": "2"}, (other, SKETCH): {"typical_units": "50"}},
        rates={(pk, noon.date()): {"EUR": Decimal(1)} for pk in (own, other)},
        now=noon,
        recipes={},
        tiers={},
    )
    take = Take(workspace=Workspace(time_zone="UTC"))
    run = Run(step="image", kind="image", stage="generation", request=engine_rows.step(), take=take)
    costs = [
        charges.cost_of(Call(workspace_id=pk, run=run, model=SKETCH, price_row=row), books).amount
        for pk in (own, other)
    ]
    assert costs == [Decimal("0.02"), Decimal("0.50")]


# --- files that say more than their sender may -----------------------------------------------------


def brief(cast: Cast, by: Membership, cap: str) -> briefs.Imported:
    row = f"opening,Opening,brief-film,New words,16x9,{cap}".replace("brief-film", "brand-film")
    return briefs.import_deliverables(file=f"{HEADER}\n{row}\n".encode(), by=by, campaign=cast.campaign)


def test_a_producers_brief_leaves_a_cap_as_it_is(cast: Cast) -> None:
    Deliverable.objects.filter(pk=cast.deliverable.pk).update(cap=2)
    assert brief(cast, cast.producer, "").updated == 1
    kept = Deliverable.objects.get(pk=cast.deliverable.pk)
    assert (kept.brief, kept.cap) == ("New words", 2)
    assert brief(cast, cast.manager, "").updated == 1
    assert Deliverable.objects.get(pk=cast.deliverable.pk).cap is None


def test_a_brief_adds_nothing_to_a_campaign_that_has_ended(cast: Cast) -> None:
    cast.campaign.ended_at = timezone.now()
    cast.campaign.save(update_fields=["ended_at"])
    row = "more,More,brand-film,Words,16x9,"
    with pytest.raises(BadLines):
        briefs.import_deliverables(
            file=f"{HEADER}\n{row}\n".encode(), by=cast.producer, campaign=cast.campaign
        )
    assert Deliverable.objects.count() == 1


@pytest.mark.parametrize("kind", ["heroes", "caps"])
def test_a_decisions_note_has_an_end(asked: HeroRequest, studio: Cast, kind: str) -> None:
    cap = caps.request(deliverable=studio.deliverable, more=1, reason="Fog.", by=studio.producer)
    row = asked if kind == "heroes" else cap
    address = f"/w/studio/approvals/{kind}/{row.pk}/"
    said = {"decision": "decline", "note": "x" * 2001}
    assert signed_in(studio.manager).post(address, said).status_code == 422
    row.refresh_from_db()
    assert row.state == "waiting"


def test_a_palette_and_a_brief_have_an_end(cast: Cast) -> None:
    with pytest.raises(Invalid, match="20 colours"):
        work.change_identity(
            campaign=cast.campaign,
            by=cast.producer,
            seed_policy="free",
            seed=None,
            palette=["#000000"] * 21,
            drift_tolerance=Decimal(0),
        )
    with pytest.raises(Invalid, match="8,000 characters"):
        work.change_deliverable(deliverable=cast.deliverable, by=cast.producer, brief="x" * 8001)
    row = f"long,Long,brand-film,{'x' * 8001},16x9,"
    with pytest.raises(BadLines):
        briefs.import_deliverables(
            file=f"{HEADER}\n{row}\n".encode(), by=cast.producer, campaign=cast.campaign
        )
    assert Deliverable.objects.filter(key="long").count() == 0


# --- bodies that nobody needs ----------------------------------------------------------------------


def post(client: Client, address: str, body: bytes, kind: str, **headers: str) -> int:
    return client.generic("POST", address, body, content_type=kind, headers=headers).status_code


def test_a_body_that_is_no_file_has_an_end(studio: Cast, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
    token = f"Token {api_tokens.issue(membership=studio.producer)}"
    body = b'{"key": "large", "name": "Large"' + b" " * 10_000 + b"}"
    said = Client().generic(
        "POST",
        "/api/v1/projects/",
        body,
        content_type="application/json",
        headers={"authorization": token},
    )
    assert (said.status_code, said.headers["Content-Type"]) == (413, "application/problem+json")
    assert said.json()["type"] == "/problems/too-large"
    assert not Project.objects.filter(key="large").exists()


def test_strangers_leave_no_files_on_the_disk(studio: Cast, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
    kind = "multipart/form-data; boundary=b"
    large = b"x" * 20_000
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + large + b"\r\n--b--"
    make = f"/w/studio/deliverables/{studio.deliverable.pk}/upload/"
    api = f"/api/v1/deliverables/{studio.deliverable.pk}/takes/upload/"
    assert post(Client(), "/accounts/login/", body, kind) == 413
    assert post(Client(), make, body, kind) == 413
    assert post(Client(), "/accounts/login/", body, kind, authorization="Token none") == 413
    assert post(Client(), api, body, kind) == 413
    assert post(Client(), api, body, kind, authorization="Token none") == 401
    assert post(signed_in(studio.producer), make, body, kind) == 422  # it is looked at


def test_nobody_sends_more_than_the_largest_body(studio: Cast, settings: Any) -> None:
    settings.LARGEST_BODY_BYTES = 20_000_000
    kind, page = "multipart/form-data; boundary=b", f"/w/studio/deliverables/{studio.deliverable.pk}/upload/"
    large = {"CONTENT_LENGTH": str(30 * 2**20)}
    client = signed_in(studio.producer)
    said = client.generic("POST", page, b"x", content_type=kind, **large)
    assert said.status_code == 413
    assert "The request has 30 MB; at most 19 MB are taken in at once." in said.content.decode()
    token = f"Token {api_tokens.issue(membership=studio.producer)}"
    told = Client().generic(
        "POST", f"/api/v1{page[9:]}", b"x", content_type=kind, headers={"authorization": token}, **large
    )
    assert (told.status_code, told.headers["Content-Type"]) == (413, "application/problem+json")
    assert told.json()["remedy"] == "Send a smaller file, or several one after the other."
    assert post(client, page, b"--b--", kind) == 422  # it is looked at


# --- who has left ----------------------------------------------------------------------------------


def test_who_has_left_is_told_and_mailed_nothing_more(cast: Cast) -> None:
    def tell(dedupe: str) -> int:
        return notices.notify(
            members=Membership.objects.filter(person=cast.producer.person),
            kind="batch_finished",
            title="Your batch has finished",
            url="/w/studio/",
            dedupe=dedupe,
        )

    assert tell("before") == 1
    people.end_membership(membership=cast.producer, by=cast.admin)
    assert tell("after") == 0
    assert notices.mail_waiting() == 0
    assert mail.outbox == []


def test_a_second_invitation_that_was_left_over_gives_no_roles_back(cast: Cast) -> None:
    _, first = people.invite(email="new@example.com", roles=["admin"], by=cast.admin)
    _, second = people.invite(email="new@example.com", roles=["admin"], by=cast.admin)
    Invitation.objects.update(revoked_at=None)  # as of two that were sent at the same instant
    person = factories.person("new@example.com")
    membership = people.accept_invitation(secret=first, person=person)
    people.set_roles(membership=membership, roles=["viewer"], by=cast.admin)
    with pytest.raises(people.InvitationGone):
        people.accept_invitation(secret=second, person=person)
    membership.refresh_from_db()
    assert membership.roles == ["viewer"]


# --- hosts and servers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "64:ff9b::a9fe:a9fe",
        "64:ff9b::10.0.0.1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "::127.0.0.1",
        "::ffff:10.0.0.1",
        "fec0::1",
        "ff02::1",
        "224.0.0.1",
    ],
)
def test_a_private_address_inside_another_one_is_private(address: str) -> None:
    assert not addresses.is_allowed("example.com", address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::"])
def test_public_addresses_stay_public(address: str) -> None:
    assert addresses.is_allowed("example.com", address)


class Endless(http.server.BaseHTTPRequestHandler):
    """Takes whatever it is sent, and answers without end."""

    sent = 0

    def log_message(self, *words: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.end_headers()
        try:
            while Endless.sent < 50_000_000:
                Endless.sent += self.wfile.write(b" " * 65_536)
        except OSError:
            return

    do_POST = do_PUT = do_GET


@pytest.fixture
def endless(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    monkeypatch.setattr(answers, "LARGEST", 200_000)
    Endless.sent = 0
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}"
    listening.shutdown()
    listening.server_close()


def with_client(work: Callable[[Any], Any]) -> Any:
    import asyncio

    async def go() -> Any:
        async with clients.opened() as client:
            return await work(client)

    return asyncio.run(go())


def test_a_key_set_without_end_is_left_off(endless: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "LARGEST", 256 * 1024 * 1024)  # a key set is kept for a day, and is small
    assert with_client(lambda client: webhooks.fetch_key_set(client, f"{endless}/keys")) is None
    assert Endless.sent < 20_000_000


@pytest.mark.parametrize("bytes_", [fal_storage.INLINE_BYTES + 1, 2_000_000])
def test_the_answer_to_an_upload_has_an_end(
    endless: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, bytes_: int
) -> None:
    monkeypatch.setattr(fal_storage, "WHOLE_BYTES", 1_000_000)
    file = tmp_path / "reference.png"
    file.write_bytes(b"x" * bytes_)
    account = Account(id="", provider="fal", key="a:b", base_url=endless)
    given = InputFile(role="reference", path=str(file), media_type="image/png", sha256="0" * 64)
    with pytest.raises(ProviderError) as caught:
        with_client(lambda client: fal_storage.place(client, account=account, file=given))
    assert caught.value.charged is False
    assert Endless.sent < 20_000_000


# --- an invitation that is withdrawn while somebody follows it -------------------------------------


@pytest.mark.usefixtures("committed")
def test_an_invitation_that_is_withdrawn_meanwhile_makes_no_member() -> None:
    cast = make_cast()
    invitation, secret = people.invite(email="new@example.com", roles=["admin"], by=cast.admin)
    person = factories.person("new@example.com")
    found: list[Any] = []

    def follow() -> None:
        try:
            found.append(people.accept_invitation(secret=secret, person=person))
        except people.InvitationGone as gone:
            found.append(gone)
        finally:
            connection.close()

    follower = threading.Thread(target=follow)
    with transaction.atomic():
        people.withdraw_invitation(invitation=invitation, by=cast.admin)
        follower.start()
        follower.join(timeout=2)  # it has read the invitation, and waits for its row
    follower.join()
    assert [type(one) for one in found] == [people.InvitationGone]
    assert not Membership.objects.filter(person=person).exists()
