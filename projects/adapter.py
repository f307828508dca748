"""How sign-in behaves here: accounts come by invitation alone."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ByInvitation(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Nobody signs up unasked; an invitation's address makes the account."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
