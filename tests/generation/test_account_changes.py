"""An account's later life: renamed, moved, removed; tested well or not; and keys that look odd."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from generation import account_changes, account_checks, accounts, doctor, facts, keyring
from generation.account_changes import StillUnderWay
from generation.models import Call, ProviderAccount
from generation.providers import registry
from projects.access import MissingRight
from projects.models import Event, Take
from projects.problems import Invalid, Refused
from tests.cast import Cast
from tests.circletake.running import free_port
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, Engine
from tests.generation.pages import everybody, only, queries, signed_in, statuses, text

PAGE = "/w/studio/settings/providers/"


def added(cast: Cast, **fields: Any) -> ProviderAccount:
    return accounts.add(
        **{"provider": "fal", "name": "Team", "key": "id:secret-1234", **fields}, by=cast.admin
    )


def sent(cast: Cast, engine: Engine) -> Take:
    """A take whose call is in flight at fal."""
    take = engine_rows.take(
        cast.deliverable, engine_rows.step(models=[FLUX], amount="0.05"), person=cast.producer.person
    )
    engine.submit()
    return take


def kinds() -> list[str]:
    return list(
        Event.objects.filter(kind__startswith="account.").values_list("kind", flat=True).order_by("at")
    )


# -- name and address -----------------------------------------------------------------------------


def test_an_account_is_renamed_while_calls_are_in_flight(cast: Cast, engine: Engine, fal: Fal) -> None:
    sent(cast, engine)
    address = f"{PAGE}{fal.account.pk}/place/"
    body = {"name": "Studio A", "base_url": fal.account.base_url}
    assert statuses(cast, address, method="post", **body) == only(cast, "admin", status=302)
    fal.account.refresh_from_db()
    assert (fal.account.name, fal.account.base_url) == ("Studio A", fal.program.fal_url)
    assert kinds() == ["account.renamed"]
    assert Event.objects.get(kind="account.renamed").data["before"] == "main"
    page = text(signed_in(cast.admin), "/w/studio/activity/")
    assert "renamed the fal account “main”, now “Studio A”" in page


def test_another_address_needs_the_key_again(cast: Cast) -> None:
    row = added(cast)
    ProviderAccount.objects.update(test_works=True, tested_at=timezone.now(), test_result="ok")
    client, address = signed_in(cast.admin), f"{PAGE}{row.pk}/place/"
    body = {"name": "Team", "base_url": "https://gateway.example/fal"}
    refused = client.post(address, body)
    assert refused.status_code == 422
    assert "Enter the key again" in refused.content.decode()
    row.refresh_from_db()
    assert (row.base_url, row.test_works, kinds()) == ("", True, ["account.added"])
    assert client.post(address, {**body, "key": "id:other-9876"}).status_code == 302
    row.refresh_from_db()
    assert (row.base_url, row.key_hint, row.test_works, row.tested_at) == (
        body["base_url"],
        "9876",
        None,
        None,
    )
    assert keyring.decrypt(row.encrypted_key) == "id:other-9876"
    assert row.old_encrypted_key is None


def test_another_region_needs_no_key(cast: Cast) -> None:
    row = added(cast, provider="kling", key='{"api_key": "k-1234"}')
    regions = list(registry.get("kling").profile.base_urls)
    ProviderAccount.objects.update(test_works=True)
    account_changes.change_place(account=row, name="Team", region=regions[0], by=cast.admin)
    assert (row.region, row.test_works) == (regions[0], True)  # the usual one, by its name
    account_changes.change_place(account=row, name="Team", region=regions[1], by=cast.admin)
    assert row.test_works is None
    assert (row.region, keyring.opened(row, provider="kling").base_url) == (
        regions[1],
        registry.base_url("kling", region=regions[1]),
    )
    with pytest.raises(Invalid, match="no such region"):
        account_changes.change_place(account=row, name="Team", region="mars", by=cast.admin)


def test_an_address_does_not_change_under_calls_in_flight(cast: Cast, engine: Engine, fal: Fal) -> None:
    sent(cast, engine)
    with pytest.raises(StillUnderWay, match="1 call is in flight at main"):
        account_changes.change_place(
            account=fal.account, name="main", base_url="https://b.example", key="a:b", by=cast.admin
        )
    fal.account.refresh_from_db()
    assert (fal.account.base_url, kinds()) == (fal.program.fal_url, [])


def test_a_name_or_address_that_does_not_fit_changes_nothing(cast: Cast) -> None:
    row = added(cast)
    added(cast, name="Other")
    wrong: list[dict[str, Any]] = [
        {"name": "Other"},
        {"name": " "},
        {"name": "Team", "base_url": "http://10.0.0.1"},
    ]
    for changes in wrong:
        with pytest.raises(Invalid):
            account_changes.change_place(account=row, key="a:b", by=cast.admin, **changes)
    with pytest.raises(MissingRight):
        account_changes.change_place(account=row, name="Mine", by=cast.manager)
    row.refresh_from_db()
    assert (row.name, row.base_url) == ("Team", "")


# -- removal --------------------------------------------------------------------------------------


def test_an_account_without_calls_is_deleted_with_its_key(cast: Cast) -> None:
    row = added(cast)
    page = text(signed_in(cast.admin), PAGE)
    assert "No call was ever made under it: it is deleted with its key." in page
    address = f"{PAGE}{row.pk}/remove/"
    found = statuses(cast, address, method="post", in_flight="0")
    assert found == only(cast, "admin", status=302)
    assert ProviderAccount.objects.count() == 0
    assert kinds() == ["account.added", "account.removed"]
    assert statuses(cast, address, method="post")["admin"] == 404


def test_an_account_with_calls_is_kept_and_the_page_says_so(cast: Cast, engine: Engine, fal: Fal) -> None:
    take = sent(cast, engine)
    fal.finish_all(engine)
    engine.until_quiet()
    take.refresh_from_db()
    assert take.state == "ready"
    client = signed_in(cast.admin)
    assert "1 call stands on it, so it is kept in the list of removed accounts." in text(client, PAGE)
    answer = client.post(f"{PAGE}{fal.account.pk}/remove/", {"in_flight": "0"}, follow=True)
    page = answer.content.decode()
    assert "main is removed. It is kept below, since calls were made under it." in page
    assert "Removed accounts" in page
    fal.account.refresh_from_db()
    assert (fal.account.enabled, bytes(fal.account.encrypted_key)) == (False, b"")
    assert Call.objects.get().account == fal.account
    assert facts.providers_with_account(cast.workspace) == frozenset()
    assert doctor._keys() == []
    assert client.post(f"{PAGE}{fal.account.pk}/switch/", {"enabled": "1"}).status_code == 404
    assert added(cast, name="main").pk != fal.account.pk
    assert statuses(cast, PAGE) == everybody(cast)


def test_calls_in_flight_are_named_before_and_finished_after(cast: Cast, engine: Engine, fal: Fal) -> None:
    take = sent(cast, engine)
    client, address = signed_in(cast.admin), f"{PAGE}{fal.account.pk}/remove/"
    assert "1 call is in flight: it is finished with its key" in text(client, PAGE)
    refused = client.post(address, {"in_flight": "0"})
    assert refused.status_code == 409
    assert "1 call is in flight at main." in refused.content.decode()
    fal.account.refresh_from_db()
    assert (fal.account.retired_at, fal.account.enabled, kinds()) == (None, True, [])
    assert client.post(address, {"in_flight": "1"}).status_code == 302
    fal.account.refresh_from_db()
    assert bytes(fal.account.encrypted_key) != b""
    assert account_changes.forget_retired(now=timezone.now()) == 0
    fal.finish_all(engine)
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, len(fal.jobs)) == ("ready", 1)
    assert account_changes.forget_retired(now=timezone.now()) == 1
    assert account_changes.forget_retired(now=timezone.now()) == 0


def test_nothing_new_is_sent_under_a_removed_account(cast: Cast, engine: Engine, fal: Fal) -> None:
    sent(cast, engine)
    account_changes.remove(account=fal.account, seen=1, by=cast.admin)
    sent(cast, engine)
    assert len(fal.jobs) == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        ProviderAccount.objects.filter(pk=fal.account.pk).update(enabled=True)


def test_only_an_admin_of_the_workspace_removes(cast: Cast) -> None:
    row = added(cast)
    with pytest.raises(MissingRight):
        account_changes.remove(account=row, seen=0, by=cast.manager)
    with pytest.raises(Refused):
        account_changes.remove(account=row, seen=0, by=cast.stranger)
    assert ProviderAccount.objects.get().retired_at is None


def test_twice_the_accounts_with_calls_cost_the_same_number_of_queries(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    counts = []
    for number in range(2):
        sent(cast, engine)
        added(cast, name=f"more {number}")
        removed = added(cast, name=f"gone {number}")
        ProviderAccount.objects.filter(pk=removed.pk).update(enabled=False, retired_at=timezone.now())
        counts.append(queries(signed_in(cast.admin), PAGE))
    assert counts[0] == counts[1]


# -- the last test --------------------------------------------------------------------------------


def test_a_failed_test_takes_the_green_mark_away(cast: Cast, fal: Fal) -> None:
    client = signed_in(cast.admin)
    assert "on, not tested" in text(client, PAGE)
    ProviderAccount.objects.update(base_url=f"http://127.0.0.1:{free_port()}")
    client.post(f"{PAGE}{fal.account.pk}/test/")
    page = text(client, PAGE)
    assert "on, its last test failed" in page
    assert "chip--good" not in page
    assert 'class="bad">failed <time' in page
    ProviderAccount.objects.update(base_url=fal.program.fal_url)
    client.post(f"{PAGE}{fal.account.pk}/test/")
    page = text(client, PAGE)
    assert "on, tested" in page
    assert 'class="good">OK <time' in page
    client.post(f"{PAGE}{fal.account.pk}/key/", {"key": "new:key", "overlap": "24"})
    assert "on, not tested" in text(client, PAGE)


# -- keys and places ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "key", "form"),
    [
        ("fal", "no-colon", "id:secret"),
        ("fal", "id:secret", ""),
        ("replicate", "sk-1", "r8_…"),
        ("replicate", "r8_abc", ""),
        ("runway", "abc", "key_…"),
        ("luma", "abc", "luma-api-…"),
        ("openai", "r8_abc", "sk-…"),
        ("openai", "sk-proj-abc", ""),
        ("stability", "abc", "sk-…"),
        ("google", "anything", ""),
        ("a1111", "nobody", "user:password"),
        ("a1111", "", ""),
    ],
)
def test_a_key_of_another_form_is_doubted(provider: str, key: str, form: str) -> None:
    said = account_checks.doubts(provider, key)
    assert (f"has the form {form}." in said) == bool(form)
    assert bool(said) == bool(form)


def test_a_doubted_key_is_stored_and_the_page_warns(cast: Cast) -> None:
    client = signed_in(cast.admin)
    body = {"provider": "fal", "name": "Team", "key": "no-colon", "concurrency": 5}
    page = client.post(f"{PAGE}add/", body, follow=True).content.decode()
    assert "This does not look like fal’s key, which has the form id:secret." in page
    row = ProviderAccount.objects.get()
    page = client.post(
        f"{PAGE}{row.pk}/key/", {"key": "neither", "overlap": "0"}, follow=True
    ).content.decode()
    assert "has the form id:secret." in page
    assert keyring.decrypt(ProviderAccount.objects.get().encrypted_key) == "neither"


@pytest.mark.parametrize(("provider", "jobs"), [("comfyui", 1), ("a1111", 1), ("fal", 20)])
def test_a_server_with_one_gpu_begins_with_one_job_at_once(
    cast: Cast, settings: Any, provider: str, jobs: int
) -> None:
    settings.PRIVATE_HOSTS = ["gpu.example"]
    page = text(signed_in(cast.admin), f"{PAGE}add/", provider=provider)
    assert f'name="concurrency" value="{jobs}"' in page
    row = added(cast, provider=provider, key="a:b", base_url="https://gpu.example")
    assert row.concurrency == jobs
