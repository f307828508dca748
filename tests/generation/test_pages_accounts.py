"""Provider accounts on their page: what each provider asks for, rotation with overlap, and what was spent."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from generation import accounts, keyring
from generation.models import Call, ProviderAccount
from generation.providers import registry
from generation.providers.profile import Field, Profile, SecretFrom, Webhooks
from projects.models import Event
from projects.problems import Invalid
from tests.cast import Cast
from tests.emulators.server import Running
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, Engine
from tests.generation.pages import queries, signed_in, text

PAGE = "/w/studio/settings/providers/"


@pytest.fixture
def profiled(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Changes what fal's profile says, for the length of a test."""

    def change(*, webhooks: Webhooks = Webhooks.NONE, **fields: Any) -> None:
        fal = registry.get("fal")
        monkeypatch.setattr(fal, "profile", Profile(title="fal", **fields), raising=False)
        able = type(fal.abilities)(webhooks=webhooks)
        monkeypatch.setattr(fal, "abilities", able, raising=False)

    return change


def body(**changes: Any) -> dict[str, Any]:
    return {"provider": "fal", "name": "Team", "key": "id:secret-1234", "concurrency": 5, **changes}


def test_a_provider_is_chosen_first_by_the_name_that_people_know(cast: Cast) -> None:
    page = text(signed_in(cast.admin), f"{PAGE}add/")
    for name in registry.with_accounts():
        assert registry.get(name).profile.title in page


def test_several_accounts_at_one_provider_have_names_of_their_own(cast: Cast) -> None:
    client = signed_in(cast.admin)
    assert client.post(f"{PAGE}add/", body()).status_code == 302
    assert client.post(f"{PAGE}add/", body(name="Other")).status_code == 302
    refused = client.post(f"{PAGE}add/", body())
    assert (refused.status_code, ProviderAccount.objects.count()) == (422, 2)


def test_a_key_of_several_parts_is_kept_as_one_and_asked_for_part_by_part(cast: Cast, profiled: Any) -> None:
    profiled(
        base_urls={"": "https://a.example"},
        key=(Field("access_key", "Access key"), Field("secret_key", "Secret key")),
    )
    client = signed_in(cast.admin)
    assert client.post(f"{PAGE}add/", body(key_access_key="", key_secret_key="")).status_code == 422
    missing = client.post(f"{PAGE}add/", body(key_access_key="AK-1", key_secret_key=""))
    assert (missing.status_code, ProviderAccount.objects.count()) == (422, 0)
    assert (
        client.post(f"{PAGE}add/", body(key_access_key="AK-1", key_secret_key="SK-9876")).status_code == 302
    )
    row = ProviderAccount.objects.get()
    opened = keyring.opened(row, provider="fal")
    assert (opened.part("access_key"), opened.part("secret_key"), row.key_hint) == ("AK-1", "SK-9876", "9876")


def test_a_provider_without_keys_asks_for_its_address_alone(cast: Cast, profiled: Any, settings: Any) -> None:
    profiled(key=())
    client = signed_in(cast.admin)
    assert client.post(f"{PAGE}add/", body(base_url="")).status_code == 422
    assert client.post(f"{PAGE}add/", body(base_url="http://192.0.2.7:8188")).status_code == 422
    assert client.post(f"{PAGE}add/", body(base_url="https://127.0.0.1:8188")).status_code == 422
    assert ProviderAccount.objects.count() == 0
    settings.PRIVATE_HOSTS = ["192.0.2.7"]
    assert client.post(f"{PAGE}add/", body(base_url="http://192.0.2.7:8188")).status_code == 302
    row = ProviderAccount.objects.get()
    opened = keyring.opened(row, provider="fal")
    assert (opened.base_url, opened.key, row.key_hint) == ("http://192.0.2.7:8188", "", "")


@pytest.mark.parametrize(
    "address", ["https://user:pass@a.example", "ftp://a.example", "http://a.example", "a.example", "https://"]
)
def test_what_is_no_address_is_refused(cast: Cast, address: str) -> None:
    with pytest.raises(Invalid):
        accounts.add(provider="fal", name="Team", key="a:b", base_url=address, by=cast.admin)


def test_a_region_and_further_fields_reach_the_adapter(cast: Cast, profiled: Any) -> None:
    profiled(
        base_urls={"": "https://eu.example", "us": "https://us.example"},
        extra=(Field("organization", "Organization", required=False),),
    )
    client = signed_in(cast.admin)
    assert client.post(f"{PAGE}add/", body(region="mars")).status_code == 422
    assert client.post(f"{PAGE}add/", body(region="us", extra_organization="org-1")).status_code == 302
    opened = keyring.opened(ProviderAccount.objects.get(), provider="fal")
    assert (opened.region, opened.base_url, dict(opened.extra)) == (
        "us",
        "https://us.example",
        {"organization": "org-1"},
    )
    assert "https://us.example" in text(client, PAGE)


def test_a_webhook_secret_goes_in_and_never_comes_out(cast: Cast, profiled: Any) -> None:
    profiled(base_urls={"": "https://a.example"}, webhook_secret=SecretFrom.ENTERED, webhooks=Webhooks.SECRET)
    client = signed_in(cast.admin)
    assert client.post(f"{PAGE}add/", body(webhook_secret="whsec_one", webhooks="on")).status_code == 302
    row = ProviderAccount.objects.get()
    assert b"whsec_one" not in bytes(row.encrypted_webhook_secret)
    page = text(client, PAGE)
    assert ("whsec_one" in page, row.webhook_token in page) == (False, True)
    assert row.webhook_token not in text(signed_in(cast.producer), PAGE)
    address = f"{PAGE}{row.pk}/webhook-secret/"
    assert client.post(address, {"webhook_secret": ""}).status_code == 422
    assert client.post(address, {"webhook_secret": "whsec_two", "overlap": "24"}).status_code == 302
    row.refresh_from_db()
    assert keyring.opened(row, provider="fal").webhook_secrets == ("whsec_two", "whsec_one")
    later = timezone.now() + datetime.timedelta(hours=25)
    assert keyring.opened(row, provider="fal", now=later).webhook_secrets == ("whsec_two",)
    assert Event.objects.filter(kind="account.webhook_secret_changed").count() == 1


def test_a_provider_whose_webhooks_need_no_secret_takes_none(cast: Cast) -> None:
    row = accounts.add(provider="fal", name="Team", key="a:b", by=cast.admin)
    with pytest.raises(Invalid):
        accounts.change_webhook_secret(account=row, webhook_secret="x", by=cast.admin)
    with pytest.raises(Invalid):
        accounts.add(provider="fal", name="Two", key="a:b", webhook_secret="x", by=cast.admin)


# -- rotation -------------------------------------------------------------------------------------


def test_a_replaced_key_serves_what_was_begun_under_it_until_its_time_is_over(cast: Cast) -> None:
    now = timezone.now()
    row = accounts.add(provider="fal", name="Team", key="old:key", by=cast.admin)
    accounts.change_key(account=row, key="new:key", by=cast.admin, now=now)
    row.refresh_from_db()
    before, after = now - datetime.timedelta(hours=1), now + datetime.timedelta(hours=1)

    def key(begun_at: datetime.datetime | None, at: datetime.datetime) -> str:
        return keyring.opened(row, provider="fal", begun_at=begun_at, now=at).key

    assert (key(None, now), key(after, after), key(before, after)) == ("new:key", "new:key", "old:key")
    assert key(before, now + datetime.timedelta(hours=24)) == "new:key"
    assert "still serves what was begun under it" in text(signed_in(cast.admin), PAGE)
    assert keyring.forget_old(now=now + datetime.timedelta(hours=23)) == 0
    assert keyring.forget_old(now=now + datetime.timedelta(hours=25)) == 1
    row.refresh_from_db()
    assert (row.old_encrypted_key, row.old_until) == (None, None)


def test_a_key_that_has_leaked_is_forgotten_at_once(cast: Cast) -> None:
    row = accounts.add(provider="fal", name="Team", key="old:key", by=cast.admin)
    client = signed_in(cast.admin)
    assert client.post(f"{PAGE}{row.pk}/key/", {"key": "new:key", "overlap": "0"}).status_code == 302
    row.refresh_from_db()
    assert (row.old_encrypted_key, row.old_until) == (None, None)
    begun = timezone.now() - datetime.timedelta(hours=1)
    assert keyring.opened(row, provider="fal", begun_at=begun).key == "new:key"


def test_a_new_encryption_key_encrypts_secrets_and_old_keys_too(cast: Cast, settings: Any) -> None:
    from cryptography.fernet import Fernet

    row = accounts.add(provider="fal", name="Team", key="old:key", by=cast.admin)
    accounts.change_key(account=row, key="new:key", by=cast.admin)
    first = list(settings.ENCRYPTION_KEYS)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *first]
    assert keyring.rotate() == 1
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    row.refresh_from_db()
    assert keyring.decrypt(row.encrypted_key) == "new:key"
    assert row.old_encrypted_key is not None
    assert keyring.decrypt(row.old_encrypted_key) == "old:key"


def test_a_job_is_polled_with_the_key_that_it_was_made_under(cast: Cast, engine: Engine, fal: Fal) -> None:
    """The provider knows a job by its own key alone."""
    take = engine_rows.take(
        cast.deliverable, engine_rows.step(models=[FLUX], amount="0.05"), person=cast.producer.person
    )
    engine.submit()
    engine.later(1)
    accounts.change_key(account=fal.account, key="other:key", by=cast.admin, now=engine.now)
    fal.finish_all(engine)
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, len(fal.jobs)) == ("ready", 1)


def spent(page: str) -> list[str]:
    """What the page says of each account, without markup."""
    found = re.findall(r"Spent this month</dt><dd>(.*?)</dd>", page)
    return [re.sub(r"<[^>]*>", "", one) for one in found]


# -- what was spent -------------------------------------------------------------------------------


def test_what_was_spent_this_month_stands_beside_each_account(cast: Cast, engine: Engine, fal: Fal) -> None:
    engine_rows.account(cast.workspace, "https://a.example", name="other")
    take = engine_rows.take(
        cast.deliverable, engine_rows.step(models=[FLUX], amount="0.05"), person=cast.producer.person
    )
    engine.submit()
    fal.finish_all(engine)
    engine.until_quiet()
    amount = Call.objects.get(run__take=take).posted
    assert amount == Decimal("0.05")
    client = signed_in(cast.admin)
    page = text(client, PAGE)
    assert spent(page) == ["€0.05 for 1 call", "nothing"]
    Call.objects.update(ended_at=timezone.now() - datetime.timedelta(days=40))
    assert spent(text(client, PAGE)) == ["nothing", "nothing"]


def test_twice_the_accounts_cost_the_same_number_of_queries(cast: Cast) -> None:
    client = signed_in(cast.admin)
    for number in range(2):
        accounts.add(provider="fal", name=f"{number}", key="a:b", by=cast.admin)
    once = queries(client, PAGE)
    for number in range(2, 6):
        accounts.add(provider="fal", name=f"{number}", key="a:b", by=cast.admin)
    assert queries(client, PAGE) == once


def test_the_connection_of_every_kind_of_account_is_tested_for_free(
    cast: Cast, fal_program: Running, settings: Any
) -> None:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    fal_program.reset()
    row = accounts.add(
        provider="replicate",
        name="Team",
        key="r8_secret",
        base_url=f"{fal_program.url_of('replicate')}/v1",
        by=cast.admin,
    )
    works, words = accounts.check_connection(account=row, by=cast.admin)
    assert (works, words) == (True, "Replicate knows the token of emulated.")
    assert fal_program.log() == []
