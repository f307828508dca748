"""Ranges as RFC 9110 has them, and headers that disarm what is served."""

from __future__ import annotations

import io

import pytest
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import Client, RequestFactory

from generation.media import serving
from projects.models import Asset
from tests.cast import Cast

BODY = bytes(range(200)) * 5
TAG = "ab" * 32


def ask(method: str = "get", media_type: str = "video/mp4", **headers: str) -> HttpResponseBase:
    request = getattr(RequestFactory(), method)(
        "/", headers={k.replace("_", "-"): v for k, v in headers.items()}
    )
    return serving.range_response(
        request, io.BytesIO(BODY), media_type=media_type, filename="hero – v2.mp4", etag=TAG
    )


def body(response: HttpResponseBase) -> bytes:
    if isinstance(response, StreamingHttpResponse):
        return b"".join(response)  # type: ignore[arg-type]
    return response.content  # type: ignore[attr-defined, no-any-return]


def test_the_whole_file_is_sent_with_its_validators() -> None:
    response = ask()
    assert (response.status_code, body(response)) == (200, BODY)
    assert response["Content-Length"] == "1000"
    assert response["Accept-Ranges"] == "bytes"
    assert response["ETag"] == f'"{TAG}"'
    assert "Content-Range" not in response


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=990-", 990, 999),
        ("bytes=-5", 995, 999),
        ("bytes=-5000", 0, 999),
        ("bytes=0-999", 0, 999),
        ("bytes=500-100000", 500, 999),
    ],
)
def test_one_range_is_sent_alone(asked: str, first: int, last: int) -> None:
    response = ask(Range=asked)
    assert (response.status_code, body(response)) == (206, BODY[first : last + 1])
    assert response["Content-Range"] == f"bytes {first}-{last}/1000"
    assert response["Content-Length"] == str(last - first + 1)


@pytest.mark.parametrize("asked", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_outside_the_file_is_refused_with_its_length(asked: str) -> None:
    response = ask(Range=asked)
    assert (response.status_code, body(response)) == (416, b"")
    assert response["Content-Range"] == "bytes */1000"


@pytest.mark.parametrize(
    "asked", ["bytes=9-3", "bytes=0-1,4-5", "lines=1-2", "bytes=", "bytes=a-b", "0-5", f"bytes={'9' * 5000}-"]
)
def test_what_is_no_single_range_gets_the_whole_file(asked: str) -> None:
    response = ask(Range=asked)
    assert (response.status_code, body(response)) == (200, BODY)


def test_a_range_of_another_version_gets_the_whole_file() -> None:
    assert ask(Range="bytes=0-9", If_Range='"other"').status_code == 200
    assert ask(Range="bytes=0-9", If_Range="Sat, 21 Nov 2026 06:00:00 GMT").status_code == 200
    assert ask(Range="bytes=0-9", If_Range=f'W/"{TAG}"').status_code == 200
    assert ask(Range="bytes=0-9", If_Range=f'"{TAG}"').status_code == 206


def test_a_known_version_is_not_sent_again() -> None:
    response = ask(If_None_Match=f'"x", W/"{TAG}"', Range="bytes=0-9")
    assert (response.status_code, body(response)) == (304, b"")


def test_head_tells_the_length_and_sends_nothing() -> None:
    response = ask("head")
    assert (response.status_code, response["Content-Length"], body(response)) == (200, "1000", b"")
    assert ask("head", Range="bytes=-5")["Content-Range"] == "bytes 995-999/1000"


def test_other_methods_are_refused() -> None:
    assert ask("post").status_code == 405


def test_nothing_served_can_act_as_a_page() -> None:
    for response in (ask(), ask(Range="bytes=0-1"), ask(Range="bytes=5000-"), ask(If_None_Match="*")):
        assert response["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in response["Content-Security-Policy"]
        assert "default-src 'none'" in response["Content-Security-Policy"]


@pytest.mark.parametrize("media_type", ["text/html", "image/svg+xml", "application/pdf", "video/quicktime"])
def test_types_that_may_carry_script_are_downloads_without_a_type(media_type: str) -> None:
    response = ask(media_type=media_type)
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"].startswith("attachment;")


def test_a_name_beyond_ascii_survives() -> None:
    assert ask()["Content-Disposition"] == "inline; filename*=utf-8''hero%20%E2%80%93%20v2.mp4"


def test_an_empty_file_is_served_empty() -> None:
    request = RequestFactory().get("/", headers={"Range": "bytes=0-0"})
    response = serving.range_response(request, io.BytesIO(), media_type="image/png", filename="a.png")
    assert response.status_code == 416


def test_a_still_that_is_not_made_yet_is_a_grey_frame_and_is_asked_for_again(cast: Cast) -> None:
    film = Asset.objects.create(
        workspace=cast.workspace, kind="video", sha256="b" * 64, media_type="video/mp4", size_bytes=1
    )
    client = Client()
    client.force_login(cast.viewer.person)
    answer = client.get(f"/w/studio/media/{film.pk}/poster/")
    assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (
        200,
        "image/svg+xml",
        "no-store",
    )
