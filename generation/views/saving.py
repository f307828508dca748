"""Forms over work functions: what a function refuses stands beside the field that it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django import forms

from billing.forms import carry
from projects.problems import Invalid, Refused


def saved(form: forms.Form, action: Callable[..., object], **fixed: Any) -> bool:
    """Calls the work function with the form's values; False, with the form saying why, if it refused."""
    if not form.is_valid():
        return False
    try:
        action(**form.cleaned_data, **fixed)
    except Refused as refused:
        carry(form, refused)
        return False
    return True


def values(form: forms.Form) -> Mapping[str, Any]:
    """The form's values; raises Invalid where they do not fit."""
    if not form.is_valid():
        raise Invalid({name: [str(word) for word in said] for name, said in form.errors.items()})
    return form.cleaned_data


def status(form: forms.Form) -> int:
    return 422 if form.is_bound and form.errors else 200
