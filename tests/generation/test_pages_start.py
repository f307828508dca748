"""Where people start: home for each role, an empty campaign, the forms that make the first things."""

from __future__ import annotations

from generation import prompts
from projects.models import Campaign, Deliverable, Project
from tests import factories
from tests.cast import Cast
from tests.generation.pages import signed_in, text

HOME = "/w/studio/"
NEW = "/w/studio/projects/acme/autumn/deliverables/new/"


def test_an_admin_sees_what_is_still_to_set_up(cast: Cast) -> None:
    page = text(signed_in(cast.admin), HOME)
    assert "Setting up Studio" in page
    assert page.count("To do") == 3  # the team is there; provider, budget and second factor are not
    assert "Setting up" not in text(signed_in(cast.viewer), HOME)


def test_who_may_do_everything_and_has_nothing_yet_sees_both_in_words(cast: Cast) -> None:
    owner = cast.admin
    owner.roles = ["admin", "producer"]
    owner.save()
    page = text(signed_in(owner), HOME)
    assert "Setting up Studio" in page
    assert "Nothing of yours waits" in page
    assert "&#x27;done&#x27;" not in page


def test_who_neither_makes_nor_approves_finds_the_campaigns_under_way(cast: Cast) -> None:
    for member in (cast.viewer, cast.finance, cast.admin):
        assert "/w/studio/projects/acme/autumn/" in text(signed_in(member), HOME)
    assert "Campaigns under way" not in text(signed_in(cast.producer), HOME)


def test_an_empty_campaign_teaches_the_first_step(cast: Cast) -> None:
    factories.campaign(cast.project, "spring", name="Spring")
    address = "/w/studio/projects/acme/spring/"
    page = text(signed_in(cast.producer), address)
    assert "Nothing to deliver yet" in page
    assert f"{address}import/" in page
    assert "Any category" not in page
    assert f"{address}import/" not in text(signed_in(cast.viewer), address)
    assert "Any category" in text(signed_in(cast.producer), "/w/studio/projects/acme/autumn/")


def test_an_empty_key_is_made_from_the_name(cast: Cast) -> None:
    client = signed_in(cast.producer)
    client.post("/w/studio/projects/new/", {"name": "Felt & Fable Toys", "key": ""})
    project = Project.objects.get(name="Felt & Fable Toys")
    assert project.key == "felt-fable-toys"
    client.post(f"/w/studio/projects/{project.key}/campaigns/new/", {"name": "Frühling 2027"})
    assert Campaign.objects.get(project=project).key == "fruhling-2027"
    nameless = client.post("/w/studio/projects/new/", {"name": "…", "key": ""})
    assert nameless.status_code == 422
    assert "No key can be made from this name" in nameless.content.decode()


def test_a_deliverable_chooses_among_the_published_templates(cast: Cast) -> None:
    prompts.publish(slug="scene", name="A scene", body="{brief}, wide", by=cast.manager, reason="First.")
    client = signed_in(cast.producer)
    assert "A scene (scene)" in text(client, NEW)
    filled = {"name": "Opening film", "category": cast.brand_film.pk, "brief": "A lighthouse"}
    assert client.post(NEW, {**filled, "prompt_template": "unheard-of"}).status_code == 422
    assert client.post(NEW, {**filled, "prompt_template": "scene"}).status_code == 302
    made = Deliverable.objects.get(name="Opening film")
    assert (made.key, made.prompt_template) == ("opening-film", "scene")


def test_a_deliverable_keeps_a_template_version_that_is_no_longer_the_newest(cast: Cast) -> None:
    for body in ("{brief}, wide", "{brief}, close"):
        prompts.publish(slug="scene", name="A scene", body=body, by=cast.manager, reason="Again.")
    Deliverable.objects.filter(pk=cast.deliverable.pk).update(prompt_template="scene@1")
    page = text(signed_in(cast.producer), f"/w/studio/deliverables/{cast.deliverable.pk}/edit/")
    assert '<option value="scene@1" selected>' in page
