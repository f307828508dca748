"""Forms of the routing pages: filters over the catalogue."""

from __future__ import annotations

from django import forms

from projects.models import Membership
from routing.models import CatalogueModel, Tier

#: Step kinds in the words of pages.
KIND_WORDS: dict[str, str] = {
    "image": "Picture",
    "edit": "Picture edit",
    "video": "Video from text",
    "image-to-video": "Video from picture",
    "upscale": "Upscale",
    "overlay": "Overlay",
    "text": "Words",
    "judge": "Judge",
    "lip-sync": "Lip-sync",
    "audio": "Audio",
    "video-edit": "Video edit",
    "video-extend": "Video extension",
    "motion-transfer": "Motion transfer",
    "vector": "Vector picture",
}
STATES = [
    ("", "Still offered"),
    ("usable", "Ready to use"),
    ("priced", "With a price"),
    ("unpriced", "Without a price"),
    ("retired", "Retired"),
    ("all", "All"),
]


class CatalogueFilter(forms.Form):
    """Which models of the catalogue to show; every field may stay empty."""

    q = forms.CharField(
        label="Search", required=False, max_length=100, widget=forms.TextInput({"type": "search"})
    )
    kind = forms.ChoiceField(label="Does", required=False)
    tier = forms.ChoiceField(required=False)
    provider = forms.ChoiceField(required=False)
    state = forms.ChoiceField(label="Show", required=False, choices=STATES)

    def __init__(self, *args: object, membership: Membership, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        providers = (
            CatalogueModel.objects.visible_to(membership)
            .order_by("provider")
            .values_list("provider", flat=True)
            .distinct()
        )
        self._choices("kind", [("", "Everything"), *KIND_WORDS.items()])
        self._choices("tier", [("", "Every tier"), *Tier.choices])
        self._choices("provider", [("", "Every provider"), *((p, p) for p in providers)])

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - narrows the type
        field.choices = choices
