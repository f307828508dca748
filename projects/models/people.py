"""People, the workspaces they belong to, and how they get in."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from knox.models import AbstractAuthToken

from projects.identifiers import new_id
from projects.models import touching
from projects.models.rows import WorkspaceQuerySet


class PersonManager(BaseUserManager["Person"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> Person:
        person = self.model(email=self.normalize_email(email).lower(), **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> Person:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> Person:
        return self.get(email__iexact=username)


class Person(AbstractBaseUser, PermissionsMixin):  # type: ignore[django-manager-missing]
    """Somebody who signs in, known by e-mail; belongs to workspaces by memberships."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    single_key_shortcuts = models.BooleanField(default=True)
    theme = models.CharField(max_length=8, default="system")
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = PersonManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="person_email_unique_any_case"),
            models.CheckConstraint(
                condition=Q(theme__in=["system", "dark", "light"]), name="person_theme_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email


class Workspace(models.Model):
    """The tenant: one team, one reporting currency, one time zone."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(unique=True, max_length=60)
    name = models.CharField(max_length=120)
    currency = models.CharField(max_length=3)
    time_zone = models.CharField(max_length=60)
    is_demo = models.BooleanField(default=False)
    builtin_only = models.BooleanField(default=False)
    review_cap_minutes = models.PositiveSmallIntegerField(default=15)
    waiting_cap_minutes = models.PositiveSmallIntegerField(default=60)
    waiting_weight = models.DecimalField(max_digits=4, decimal_places=3, default="0.25")
    time_by_person = models.BooleanField(default=False)
    unknown_price = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    doubtful_charge_limit = models.DecimalField(max_digits=20, decimal_places=8, default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        triggers = [
            touching.changed_in(
                "workspace",
                *("time_zone", "review_cap_minutes", "waiting_cap_minutes", "waiting_weight"),
                func=touching.WORKSPACE_CHANGED,
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(currency__regex=r"^[A-Z]{3}$"), name="workspace_currency_iso_4217"
            ),
            models.CheckConstraint(
                condition=Q(doubtful_charge_limit__gte=0), name="workspace_doubtful_limit_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    PRODUCER = "producer", "Producer"
    REVIEWER = "reviewer", "Reviewer"
    MANAGER = "manager", "Manager"
    FINANCE = "finance", "Finance"
    ADMIN = "admin", "Admin"
    VIEWER = "viewer", "Viewer"


class Membership(models.Model):  # type: ignore[django-manager-missing]
    """A person in a workspace with roles, which add up. Ended memberships stay for history."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="memberships")
    person = models.ForeignKey(Person, models.PROTECT, related_name="memberships")
    roles = ArrayField(models.CharField(max_length=12, choices=Role))
    joined_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "person"], name="membership_once"),
            models.CheckConstraint(
                condition=Q(roles__contained_by=Role.values, roles__len__gt=0),
                name="membership_roles_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} in {self.workspace}"


class RoleRate(models.Model):
    """What an hour of a role is worth from a day on; time costs are derived from it, never booked."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="role_rates")
    role = models.CharField(max_length=12, choices=Role)
    hourly_rate = models.DecimalField(max_digits=20, decimal_places=8)
    starts_on = models.DateField()
    set_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    set_at = models.DateTimeField(auto_now_add=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = touching.of_rates()
        constraints = [
            models.UniqueConstraint(fields=["workspace", "role", "starts_on"], name="role_rate_once"),
            models.CheckConstraint(condition=Q(hourly_rate__gte=0), name="role_rate_positive"),
        ]


class Invitation(models.Model):
    """An offer to join by e-mail; the address in the mail carries a secret of which we keep a hash."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="invitations")
    email = models.EmailField()
    roles = ArrayField(models.CharField(max_length=12, choices=Role))
    secret_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    invited_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True, accepted_by__isnull=True)
                | Q(accepted_at__isnull=False, accepted_by__isnull=False),
                name="invitation_accepted_by_and_at",
            ),
            models.CheckConstraint(
                condition=Q(roles__contained_by=Role.values, roles__len__gt=0),
                name="invitation_roles_known",
            ),
        ]


class ApiToken(AbstractAuthToken):  # type: ignore[misc]  # knox has no types
    """A hashed, expiring API token, bound to one membership and hence to one workspace."""

    membership = models.ForeignKey(Membership, models.CASCADE, related_name="api_tokens")
    label = models.CharField(max_length=80, blank=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        pass


class IdempotencyRecord(models.Model):
    """The answer to a spending POST, given again for 30 days to the same key and body."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    membership = models.ForeignKey(Membership, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    started_at = models.DateTimeField(auto_now_add=True)
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.JSONField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["membership", "key"], name="idempotency_key_once")]


class SavedFilter(models.Model):
    """The filters a member last used on a page, or saved under a name."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    membership = models.ForeignKey(Membership, models.CASCADE, related_name="saved_filters")
    page = models.CharField(max_length=60)
    name = models.CharField(max_length=80, blank=True)
    query = models.CharField(max_length=1000)
    saved_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["membership", "page", "name"], name="saved_filter_once")
        ]
