"""Names of what is downloaded, search while one types, what Home says first, and a brief with bad lines."""

from __future__ import annotations

import datetime
import io
import re
import uuid
import zipfile
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from billing import months
from generation import uploads
from projects.models import Deliverable, Take
from tests import factories
from tests.cast import Cast
from tests.generation.pages import signed_in, text
from tests.journeys import everything

PART = {"HX-Request": "true", "HX-Request-Type": "partial"}


def uploaded(cast: Cast, deliverable: Deliverable) -> Take:
    made = uploads.Made("Blender", Decimal("0.30"), "EUR")
    return uploads.upload(deliverable=deliverable, file=everything.picture(80), made=made, by=cast.producer)


def file_name(cast: Cast, take: Take, asked: object) -> str:
    address = reverse("generation:asset", args=["studio", take.poster_id])
    answer = signed_in(cast.viewer).get(f"{address}?download={asked}")
    assert answer.status_code == 200
    return str(re.findall(r'filename="([^"]+)"', answer["Content-Disposition"])[0])


def test_a_download_is_named_after_client_campaign_deliverable_and_take(studio: Cast) -> None:
    take = uploaded(studio, studio.deliverable)
    first = f"acme-autumn-{studio.deliverable.key}-take-01.png"
    assert file_name(studio, take, take.pk) == first
    other = factories.deliverable(studio.campaign, "other", category=studio.brand_film, format=studio.format)
    again = uploaded(studio, other)
    assert again.poster_id == take.poster_id
    assert file_name(studio, again, again.pk) == "acme-autumn-other-take-01.png"
    assert file_name(studio, again, "") == first
    assert again.poster is not None
    assert file_name(studio, again, uuid.uuid4()) == f"{again.poster.sha256[:12]}.png"


def test_a_zip_dates_each_file_by_when_it_was_made(studio: Cast) -> None:
    take = uploaded(studio, studio.deliverable)
    at = datetime.datetime(2025, 10, 14, 22, 30, 8, tzinfo=datetime.UTC)
    Take.objects.filter(pk=take.pk).update(ended_at=at)
    answer = signed_in(studio.viewer).get(f"/w/studio/deliverables/{studio.deliverable.pk}/files/")
    (found,) = zipfile.ZipFile(io.BytesIO(answer.getvalue())).infolist()
    local = at.astimezone(months.zone_of(studio.workspace))
    assert found.date_time == tuple(local.timetuple())[:6]


def test_search_answers_htmx_with_what_was_found_alone(studio: Cast) -> None:
    client = signed_in(studio.viewer)
    whole = text(client, "/w/studio/search/", q=studio.deliverable.name)
    assert 'hx-trigger="submit, input delay:300ms"' in whole
    part = client.get("/w/studio/search/", {"q": studio.deliverable.name}, headers=PART).content.decode()
    assert part.strip().startswith('<div class="stack" id="found">')
    assert "1 deliverables and 0 takes found" in part
    assert f"/w/studio/deliverables/{studio.deliverable.pk}/" in part


def test_home_says_what_waits_and_leads_there(studio: Cast) -> None:
    page = text(signed_in(studio.producer), "/w/studio/")
    assert "<h1>Home</h1>" in page
    assert "Nothing of yours waits." in page
    Deliverable.objects.filter(pk=studio.deliverable.pk).update(created_by=studio.producer.person)
    page = text(signed_in(studio.producer), "/w/studio/")
    assert '<a href="#h-brief">1 to start</a>' in page
    assert 'id="h-brief"' in page


def test_a_brief_with_bad_lines_is_refused_where_it_was_chosen(studio: Cast) -> None:
    client, address = signed_in(studio.producer), "/w/studio/projects/acme/autumn/import/"
    lines = b"key,name,category,brief,format\nx,X,poster,Fog,16x9\n"
    refused = client.post(address, {"file": SimpleUploadedFile("brief.csv", lines)})
    page = refused.content.decode()
    assert refused.status_code == 422
    assert "1 bad line; nothing was imported." in page
    assert '<input type="file"' in page
    odd = client.post(address, {"file": SimpleUploadedFile("brief.csv", b"a,b\n1,2\n")})
    assert odd.status_code == 422
    assert "Columns are missing" in odd.content.decode()
    assert "file: Columns" not in odd.content.decode()
    assert not Deliverable.objects.filter(key="x").exists()


def test_a_trigger_from_a_selector_of_several_words_is_quoted() -> None:
    folder = Path(settings.BASE_DIR) / "templates"
    triggers = [
        trigger
        for page in folder.rglob("*.html")
        for trigger in re.findall(r'hx-trigger="([^"]*from:[^"]*)"', page.read_text())
    ]
    assert len(triggers) > 2
    assert [one for one in triggers if re.search(r"from:(find|closest|next|previous)\b", one)] == []
