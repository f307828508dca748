"""The sign-in page. In the demo it lists the demo's people, whose password everybody knows."""

from __future__ import annotations

from typing import Any

from allauth.account.views import LoginView
from django.conf import settings

from generation.demo import cast
from projects.access import policy


class SignIn(LoginView):  # type: ignore[misc]  # allauth has no types
    def get_context_data(self, **context: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().get_context_data(**context)
        return {**found, "demo": settings.DEMO, **cast.for_sign_in(self.request)}


sign_in = policy("public")(SignIn.as_view())
