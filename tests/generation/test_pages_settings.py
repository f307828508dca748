"""Settings, provider accounts and API tokens: what the pages show, what they change, and for whom."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from typing import Any

import pytest
from django.core.mail import send_mail
from django.test import Client

from generation import accounts, keyring
from generation.models import ProviderAccount
from projects import tokens
from projects.models import ApiToken, Category, CategoryTarget, Event, Format, Workspace
from tests.cast import Cast
from tests.circletake.running import free_port
from tests.emulators.server import Running
from tests.generation.pages import everybody, only, queries, signed_in, statuses, text

SETTINGS = "/w/studio/settings/"
KEY = "team:a-secret-key-9f3c"


def workspace_body(**changes: Any) -> dict[str, Any]:
    usual = {
        "name": "Studio North",
        "review_cap_minutes": 20,
        "waiting_cap_minutes": 30,
        "waiting_weight": "0.5",
        "time_by_person": "on",
        "unknown_price": "0.10",
        "doubtful_charge_limit": "0.05",
        "builtin_only": "on",
    }
    return {**usual, **changes}


def account(cast: Cast, **fields: Any) -> ProviderAccount:
    return accounts.add(provider="fal", name="Team", key=KEY, by=cast.admin, **fields)


@pytest.mark.parametrize(
    "path", ["", "categories/", "you/", "notices/", "providers/", "tokens/", "templates/"]
)
def test_everybody_reads_settings(cast: Cast, path: str) -> None:
    assert statuses(cast, SETTINGS + path) == everybody(cast)


def test_an_admin_changes_the_workspace(cast: Cast) -> None:
    assert signed_in(cast.admin).post(f"{SETTINGS}save/", workspace_body()).status_code == 302
    row = Workspace.objects.get(pk=cast.workspace.pk)
    assert (row.name, row.review_cap_minutes, row.waiting_cap_minutes) == ("Studio North", 20, 30)
    assert (row.waiting_weight, row.time_by_person, row.builtin_only) == (Decimal("0.5"), True, True)
    assert (row.unknown_price, row.doubtful_charge_limit) == (Decimal("0.10"), Decimal("0.05"))
    assert (row.currency, row.time_zone) == ("EUR", "Europe/Berlin")
    said = Event.objects.get(kind="workspace.changed").data
    assert (said["before"]["name"], said["after"]["waiting_weight"]) == ("Studio", "0.5")


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"waiting_weight": "1.5"}, {"review_cap_minutes": 481}, {"unknown_price": "-1"}]
)
def test_settings_that_do_not_fit_change_nothing(cast: Cast, wrong: dict[str, Any]) -> None:
    before = Workspace.objects.filter(pk=cast.workspace.pk).values().get()
    assert signed_in(cast.admin).post(f"{SETTINGS}save/", workspace_body(**wrong)).status_code == 422
    assert Workspace.objects.filter(pk=cast.workspace.pk).values().get() == before


def test_only_an_admin_changes_the_workspace(cast: Cast) -> None:
    assert statuses(cast, f"{SETTINGS}save/", method="post", **workspace_body()) == only(
        cast, "admin", status=302
    )


def test_an_admin_adds_a_category_and_a_format_and_a_manager_sets_a_target(cast: Cast) -> None:
    admin, manager = signed_in(cast.admin), signed_in(cast.manager)
    category = {"name": "Teaser", "key": "teaser", "delivered_in": "draft"}
    adding = f"{SETTINGS}categories/add/"
    assert admin.post(adding, category).status_code == 302
    assert Category.objects.get(key="teaser").delivered_in == "draft"
    assert (admin.post(adding, category).status_code, manager.post(adding, category).status_code) == (
        422,
        403,
    )
    banner = {"name": "Banner", "key": "banner", "width": 970, "height": 250}
    assert admin.post(f"{SETTINGS}formats/add/", banner).status_code == 302
    assert Format.objects.filter(key="banner", width=970, height=250).exists()
    assert admin.post(f"{SETTINGS}formats/add/", {**banner, "key": "wide", "width": 9000}).status_code == 422
    target = {"category": cast.brand_film.pk, "amount": "12.5", "starts_on": "2026-11-01"}
    setting = f"{SETTINGS}categories/target/"
    assert (admin.post(setting, target).status_code, manager.post(setting, target).status_code) == (403, 302)
    row = CategoryTarget.objects.get()
    assert (row.category, row.amount, row.starts_on) == (
        cast.brand_film,
        Decimal("12.5"),
        datetime.date(2026, 11, 1),
    )
    assert "€12.50" in text(admin, f"{SETTINGS}categories/")


def test_a_key_goes_in_and_never_comes_out(cast: Cast) -> None:
    client = signed_in(cast.admin)
    body = {
        "provider": "fal",
        "name": "Team",
        "key": KEY,
        "concurrency": 5,
        "rate_per_minute": "",
        "webhooks": "on",
    }
    assert client.post(f"{SETTINGS}providers/add/", body).status_code == 302
    row = ProviderAccount.objects.get()
    assert (row.concurrency, row.rate_per_minute, row.webhooks, row.key_hint) == (5, None, True, "9f3c")
    assert keyring.decrypt(row.encrypted_key) == KEY
    assert KEY.encode() not in bytes(row.encrypted_key)
    for page in (text(client, f"{SETTINGS}providers/"), text(client, "/w/studio/activity/")):
        assert KEY not in page
    refused = client.post(f"{SETTINGS}providers/add/", body)
    assert refused.status_code == 422
    assert KEY not in refused.content.decode()


def test_an_admin_replaces_the_key_sets_limits_and_switches_off(cast: Cast) -> None:
    row, client = account(cast), signed_in(cast.admin)
    address = f"{SETTINGS}providers/{row.pk}/"
    assert client.post(f"{address}key/", {"key": "team:another-one-77aa"}).status_code == 302
    assert client.post(f"{address}key/", {"key": ""}).status_code == 422
    limits = {"concurrency": 3, "rate_per_minute": 60}
    assert client.post(f"{address}limits/", limits).status_code == 302
    assert client.post(f"{address}limits/", {"concurrency": 0}).status_code == 422
    assert client.post(f"{address}switch/", {"enabled": "0"}).status_code == 302
    row.refresh_from_db()
    assert keyring.decrypt(row.encrypted_key) == "team:another-one-77aa"
    assert (row.concurrency, row.rate_per_minute, row.webhooks, row.enabled) == (3, 60, False, False)


@pytest.mark.parametrize("path", ["key/", "limits/", "switch/", "test/"])
def test_accounts_are_for_admins_of_their_own_workspace(cast: Cast, path: str) -> None:
    theirs = accounts.add(provider="fal", name="Theirs", key=KEY, by=cast.stranger)
    before = ProviderAccount.objects.values().get()
    address = f"{SETTINGS}providers/{theirs.pk}/{path}"
    assert statuses(cast, address, method="post", key="x") == only(cast, "admin", status=404)
    assert ProviderAccount.objects.values().get() == before
    assert statuses(cast, f"{SETTINGS}providers/add/") == only(cast, "admin")


def test_the_connection_is_tested_against_the_provider(
    cast: Cast, fal_program: Running, settings: Any
) -> None:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    row = account(cast, base_url=fal_program.fal_url)
    assert signed_in(cast.admin).post(f"{SETTINGS}providers/{row.pk}/test/").status_code == 302
    row.refresh_from_db()
    assert row.tested_at is not None
    assert row.test_result in text(signed_in(cast.admin), f"{SETTINGS}providers/").replace("&#x27;", "'")


def test_a_token_is_shown_once_and_works_until_it_is_revoked(cast: Cast) -> None:
    client, page = signed_in(cast.producer), f"{SETTINGS}tokens/"
    shown = client.post(page, {"label": "Render farm"}).content.decode()
    found = re.search(r'data-copy="([^"]+)"', shown)
    assert found
    row = ApiToken.objects.get()
    assert (row.membership, row.label) == (cast.producer, "Render farm")
    assert found[1] not in text(client, page)
    assert client.post(page, {"label": ""}).status_code == 422
    assert client.post(f"{page}{row.digest[:24]}/revoke/").status_code == 302
    assert not ApiToken.objects.exists()


def test_tokens_of_others_are_seen_and_revoked_by_admins_alone(cast: Cast) -> None:
    tokens.issue(membership=cast.producer, label="Render farm")
    tokens.issue(membership=cast.stranger, label="Elsewhere")
    mine = ApiToken.objects.get(label="Render farm")
    theirs = ApiToken.objects.get(label="Elsewhere")
    page = f"{SETTINGS}tokens/"
    assert "Render farm" not in text(signed_in(cast.manager), page)
    assert signed_in(cast.manager).post(f"{page}{mine.digest[:24]}/revoke/").status_code == 403
    assert "Render farm" in text(signed_in(cast.admin), page)
    assert "Elsewhere" not in text(signed_in(cast.admin), page)
    for digest in (theirs.digest[:24], mine.digest[:1]):
        assert signed_in(cast.admin).post(f"{page}{digest}/revoke/").status_code == 404
    assert ApiToken.objects.count() == 2
    assert signed_in(cast.admin).post(f"{page}{mine.digest[:24]}/revoke/").status_code == 302
    assert list(ApiToken.objects.all()) == [theirs]


def test_a_person_sets_name_theme_and_keys(cast: Cast) -> None:
    client = signed_in(cast.viewer)
    answer = client.post(f"{SETTINGS}you/", {"name": "Vic", "theme": "light"})
    cast.viewer.person.refresh_from_db()
    person = cast.viewer.person
    assert (person.name, person.theme, person.single_key_shortcuts) == ("Vic", "light", False)
    assert (answer.cookies["theme"].value, answer.cookies["keys"].value) == ("light", "off")
    assert client.post(f"{SETTINGS}you/", {"name": "Vic", "theme": "pink"}).status_code == 422


def test_twice_the_rows_cost_the_same_number_of_queries(cast: Cast) -> None:
    client, counts = signed_in(cast.admin), []
    for number in range(2):
        for each in range(2):
            accounts.add(provider="fal", name=f"{number}{each}", key=KEY, by=cast.admin)
            tokens.issue(membership=cast.producer)
            Category.objects.create(
                workspace=cast.workspace, key=f"c{number}{each}", name="C", delivered_in="hero"
            )
        pages = ("providers/", "tokens/", "categories/", "templates/")
        counts.append([queries(client, SETTINGS + page) for page in pages])
    assert counts[0] == counts[1]


def test_the_mailbox_is_there_in_the_demo_alone(db: None, settings: Any, tmp_path: Any) -> None:
    settings.DEMO = True
    settings.EMAIL_FILE_PATH = str(tmp_path)
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    assert "No mail yet" in Client().get("/mailbox/").content.decode()
    send_mail("Welcome", "Open http://localhost:8000/invitations/abc/", None, ["ana@example.com"])
    page = Client().get("/mailbox/").content.decode()
    found = re.search(r'href="(/mailbox/[^"/]+/)"', page)
    assert found
    shown = Client().get(found[1]).content.decode()
    assert 'href="http://localhost:8000/invitations/abc/"' in shown
    assert Client().get("/mailbox/made-up/").status_code == 404
    settings.DEMO = False
    for address in ("/mailbox/", found[1]):
        assert Client().get(address).status_code == 404


def test_after_a_key_the_page_names_the_next_steps(cast: Cast) -> None:
    account(cast)
    Workspace.objects.update(builtin_only=True)
    page = text(signed_in(cast.admin), f"{SETTINGS}providers/")
    assert "What comes next" in page
    assert f'<a href="{SETTINGS}">Settings, Workspace</a>' in page
    assert "What comes next" not in text(signed_in(cast.viewer), f"{SETTINGS}providers/")


def test_whoever_lets_other_models_in_hears_that_money_can_leave(cast: Cast) -> None:
    client = signed_in(cast.admin)
    client.post(f"{SETTINGS}save/", workspace_body())
    answer = client.post(f"{SETTINGS}save/", workspace_body(builtin_only=""), follow=True)
    assert "may cost money at providers" in answer.content.decode()
    again = client.post(f"{SETTINGS}save/", workspace_body(builtin_only=""), follow=True)
    assert "may cost money at providers" not in again.content.decode()


def test_a_provider_out_of_reach_is_said_in_plain_words(cast: Cast, settings: Any) -> None:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    row = account(cast, base_url=f"http://127.0.0.1:{free_port()}")
    signed_in(cast.admin).post(f"{SETTINGS}providers/{row.pk}/test/")
    row.refresh_from_db()
    assert row.test_result == "fal cannot be reached. Check the network and the address."
