"""fal's ways to fail, as the reference lists them (fal 1.5 for both shapes, 1.1 for 401 and 403)."""

from __future__ import annotations

from typing import Any

from tests.emulators.wire import Reply, json_reply

INPUT_TYPES = """
    content_policy_violation no_media_generated image_too_small image_too_large image_load_error
    file_download_error file_too_large face_detection_error unsupported_image_format
    unsupported_audio_format unsupported_video_format unsupported_archive_format
    video_duration_too_long video_duration_too_short audio_duration_too_long audio_duration_too_short
    greater_than greater_than_equal less_than less_than_equal multiple_of one_of sequence_too_short
    sequence_too_long feature_not_supported missing value_error
"""  # shape A, HTTP 422, never retryable
MODEL_ERRORS: dict[str, tuple[int, bool]] = {  # type → HTTP, X-Fal-Retryable
    **dict.fromkeys(INPUT_TYPES.split(), (422, False)),
    "downstream_service_error": (400, False),
    "internal_server_error": (500, True),
    "downstream_service_unavailable": (500, True),
    "generation_timeout": (504, True),
}
REQUEST_ERRORS = {  # error_type → HTTP
    "request_timeout": 504,
    "startup_timeout": 504,
    "runner_scheduling_failure": 503,
    "runner_connection_timeout": 503,
    "runner_disconnected": 503,
    "runner_connection_refused": 503,
    "runner_connection_error": 503,
    "runner_incomplete_response": 502,
    "runner_server_error": 500,
    "internal_error": 500,
    "client_disconnected": 499,
    "client_cancelled": 499,
    "bad_request": 400,
    "concurrent_requests_limit": 429,
}
SHORT = {
    "policy": "content_policy_violation",
    "cancelled": "client_cancelled",
    "no_media": "no_media_generated",
    "422": "image_load_error",
    "400": "downstream_service_error",
    "500": "internal_server_error",
    "502": "runner_incomplete_response",
    "503": "runner_scheduling_failure",
    "504": "generation_timeout",
    "timeout": "startup_timeout",
}


def failure(name: str, body: Any, request_id: str, units: float) -> tuple[int, dict[str, Any], Reply]:
    """The HTTP status, the error body and the whole reply of a job that failed in this way."""
    kind = SHORT.get(name, name)
    if kind in MODEL_ERRORS:
        status, retryable = MODEL_ERRORS[kind]
        entry = {"loc": ["body", "prompt"], "msg": _message(kind), "type": kind, "input": body}
        data: dict[str, Any] = {"detail": [{**entry, "url": f"https://docs.fal.ai/errors#{kind}"}]}
    else:
        status, retryable = REQUEST_ERRORS[kind], REQUEST_ERRORS[kind] in (502, 503, 504)
        data = {"detail": _message(kind), "error_type": kind}
    headers = {
        **({"x_fal_request_id": request_id} if request_id else {}),
        "x_fal_error_type": kind,
        "x_fal_retryable": str(retryable).lower(),
        "x_fal_billable_units": f"{units:g}",
    }
    return status, data, json_reply(status, data, **headers)


def kind_of(name: str) -> str:
    return SHORT.get(name, name)


def _message(kind: str) -> str:
    if kind == "content_policy_violation":
        return "The content could not be processed because it was flagged by a content checker."
    return f"{kind.replace('_', ' ').capitalize()}."


def refusal(name: str, endpoint: str, retry_after: float) -> Reply:
    """A submit that is not accepted. The account and gateway texts are invented, the codes are not."""
    match name:
        case "401":
            return json_reply(401, {"detail": "No credentials, or unknown ones."})
        case "403":
            return json_reply(403, {"detail": "This key lacks the scope that the call needs."})
        case "credit":
            return json_reply(403, {"detail": "Account locked: exhausted balance, add credit."})
        case "402":
            return json_reply(402, {"detail": "Not enough credit."})
        case "404" | "retired":
            return json_reply(404, {"detail": f"Application {endpoint!r} not found"})
        case "429":
            detail = {"detail": "Too many requests.", "error_type": "concurrent_requests_limit"}
            return json_reply(429, detail, **({"retry_after": f"{retry_after:g}"} if retry_after else {}))
        case "502" | "503" | "504":
            return Reply(int(name), b"<center>nginx</center>", {"content-type": "text/html"})
        case _:
            return failure(name, None, "", 0)[2]
