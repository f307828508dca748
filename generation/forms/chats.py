"""The form of a chat that is told of budgets."""

from __future__ import annotations

from django import forms

from generation.forms.accounts import secret


class ChatForm(forms.Form):
    name = forms.CharField(label="Name", max_length=60, help_text="As #studio-money.")
    address = secret(
        "Webhook address",
        help_text="An incoming webhook of Slack, Mattermost or Teams. It is encrypted, never shown again.",
    )
