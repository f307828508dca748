"""All settings, from the environment. Without any variable this is a demo on one machine.

`PRODUCTION=1` refuses to start with a default secret, `DEBUG`, the demo or a missing host list. Times end in
`_SECONDS`. The list of variables stands in `docs/operating.md`.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import os
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from circletake import links, logs, postgres, storage

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent
DEFAULT_SECRET_KEY = "for-the-demo-on-this-machine-only-circletake-has-no-secrets-here"  # noqa: S105

# --- What runs here -------------------------------------------------------------------------------

PRODUCTION = env.bool("PRODUCTION", False)
DEMO = env.bool("DEMO", not PRODUCTION)
DEBUG = env.bool("DEBUG", False)
HOST = env.str("HOST", "127.0.0.1")
PORT = env.int("PORT", 8000)
DATA_DIR = Path(env.str("DATA_DIR", str(BASE_DIR / "data"))).expanduser().resolve()
PUBLIC_URL = env.str("PUBLIC_URL", f"http://localhost:{PORT}").rstrip("/")
SECRET_KEY = env.str("SECRET_KEY", DEFAULT_SECRET_KEY)
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS: list[str] = env.list(
    "ALLOWED_HOSTS", default=[] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]"]
)
ENCRYPTION_KEYS: list[str] = env.list("ENCRYPTION_KEYS", default=[])
"""Fernet keys for what is encrypted at rest: the first encrypts, all decrypt."""


def refusals() -> list[str]:
    """Why these settings must not serve anybody else than the person at this machine."""
    found = []
    if SECRET_KEY == DEFAULT_SECRET_KEY or len(SECRET_KEY) < 50:
        found.append("SECRET_KEY is missing or shorter than 50 characters: set a random one")
    if DEBUG:
        found.append("DEBUG is on: unset it, its pages show settings to visitors")
    if DEMO:
        found.append("DEMO is on: unset it, its mailbox can be read by everybody")
    if not ALLOWED_HOSTS or "*" in ALLOWED_HOSTS:
        found.append("ALLOWED_HOSTS is missing or '*': name the hosts that you serve, with commas")
    if not ENCRYPTION_KEYS:
        found.append("ENCRYPTION_KEYS is missing: set a Fernet key, provider keys are encrypted by it")
    return found


if PRODUCTION and (reasons := refusals()):
    raise ImproperlyConfigured("Circletake does not start in production mode:\n- " + "\n- ".join(reasons))
if not ENCRYPTION_KEYS:
    ENCRYPTION_KEYS = [base64.urlsafe_b64encode(hashlib.sha256(SECRET_KEY.encode()).digest()).decode()]

# --- Circletake's own -----------------------------------------------------------------------------

HERO_UNDO_SECONDS = env.int("HERO_UNDO_SECONDS", 60)
SWEEP_SECONDS = env.int("SWEEP_SECONDS", 60)
CANARY_SECONDS = env.int("CANARY_SECONDS", 60)
LEASE_SECONDS = env.int("LEASE_SECONDS", 120)
DRAIN_SECONDS = env.int("DRAIN_SECONDS", 600)
API_RATES = {"all": env.str("API_RATE", "1200/min"), "spend": env.str("API_SPEND_RATE", "120/min")}
PRIVATE_HOSTS: list[str] = env.list("PRIVATE_HOSTS", default=[])
METRICS_TOKEN = env.str("METRICS_TOKEN", "")
METRICS_FROM: list[str] = env.list("METRICS_FROM", default=[])
"""Networks that may read /metrics without the token; with neither of both there is no such address."""

WEB_PROCESSES = env.int("WEB_PROCESSES", 2)
WEB_THREADS = env.int("WEB_THREADS", 8)
WEB_AT_ONCE = env.int("WEB_AT_ONCE", 2)
"""Of the threads of a process so many work at a time; the others wait for clients, or for their turn."""
WORKERS = env.int("WORKERS", 8)
"""Processes of the queue. A lane may keep one for minutes, and one must be left for the canary."""

RENDER_PROCESSES = env.int("RENDER_PROCESSES", max(1, (os.cpu_count() or 2) - 1))

# --- Application ----------------------------------------------------------------------------------

INSTALLED_APPS = [
    "generation",
    "routing",
    "billing",
    "projects",
    "circletake.apps.CircletakeConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_filters",
    "django_htmx",
    "django_q",
    "drf_spectacular",
    "knox",
    "pgtrigger",
    "rest_framework",
    "template_partials",
]
MIDDLEWARE = [
    "circletake.middleware.request_log",
    "circletake.middleware.turns",
    "django.middleware.security.SecurityMiddleware",
    "circletake.middleware.permissions_policy",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "circletake.middleware.localhost_by_name",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "circletake.middleware.files_of_known_people",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "circletake.urls"
WSGI_APPLICATION = "circletake.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "generation.shell.shell",
            ],
            "builtins": ["template_partials.templatetags.partials"],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

# --- Data -----------------------------------------------------------------------------------------

EMBEDDED_DATABASE = not env.str("DATABASE_URL", "")
DATABASES = {"default": env.db_url_config(env.str("DATABASE_URL", "") or postgres.url(DATA_DIR))}
DATABASES["default"].update(
    ENGINE="django.db.backends.postgresql",
    CONN_MAX_AGE=env.int("DATABASE_CONNECTION_SECONDS", 600),
    CONN_HEALTH_CHECKS=True,
    OPTIONS=links.database_options(
        DATABASES["default"], keepalive_seconds=env.int("DATABASE_KEEPALIVE_SECONDS", 10)
    ),
)
REDIS_URL = links.redis_url(env.str("REDIS_URL", ""))
CACHES: dict[str, dict[str, Any]] = {
    "default": (
        {"BACKEND": "circletake.cache.PassableRedis", "LOCATION": REDIS_URL}
        if REDIS_URL
        else {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "circletake_cache",
        }
    ),
    "queue": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "api": (
        {"BACKEND": "circletake.cache.PassableRedis", "LOCATION": REDIS_URL}
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "api"}
    ),
}
MEDIA_ROOT = DATA_DIR / "media"
STATIC_ROOT = DATA_DIR / "static"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
HASHED_STATIC = env.bool("HASHED_STATIC", PRODUCTION)
"""Serve collected files under names that carry their hash; otherwise straight from the sources."""
WHITENOISE_USE_FINDERS = not HASHED_STATIC
MEDIA_REDIRECT_SECONDS = storage.redirect_seconds(env)
STORAGES: dict[str, dict[str, Any]] = {
    "default": storage.media(env),
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if HASHED_STATIC
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000
LARGEST_BODY_BYTES = 520 * 1024 * 1024
"""Of any request, from anybody: the largest file that is taken in, and room for the form around it."""

# --- Queue: it rings bells, state lives in our tables. `circletake.queue` checks these together. ---

Q_CLUSTER: dict[str, Any] = {
    "name": "circletake",
    "workers": WORKERS,
    "bulk": 1,
    "queue_limit": WORKERS,
    "poll": 0,  # the broker waits for its bell
    "guard_cycle": 0.5,
    "timeout": 297,
    "retry": 660,
    "ack_failures": True,
    "max_attempts": 1,
    "save_limit": -1,
    "catch_up": False,
    "cache": "queue",
    "log_level": "WARNING",
    **(
        {"redis": REDIS_URL, "poll": 0.2}
        if REDIS_URL
        else {"orm": "default", "broker_class": "circletake.bells.Broker"}
    ),
}

# --- People ---------------------------------------------------------------------------------------

AUTH_USER_MODEL = "projects.Person"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "projects.adapter.ByInvitation"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = PUBLIC_URL.partition("://")[0]
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "reset_password": "20/m/ip,5/m/key",
    "reset_password_from_key": "20/m/ip",
    "change_password": "5/m/user",
    "manage_email": "10/m/user",
    "reauthenticate": "10/m/user",
    "signup": "20/m/ip",
    "confirm_email": "1/3m/key",
}
MFA_ADAPTER = "circletake.mfa.EncryptedSecrets"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Circletake"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PRODUCTION
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_NAME = "__Host-session" if PRODUCTION else "session"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_NAME = "__Host-csrf" if PRODUCTION else "csrf"
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# --- Mail -----------------------------------------------------------------------------------------

vars().update(
    env.email_url_config(env.str("EMAIL_URL", "smtp://localhost:25" if PRODUCTION else "filemail://"))
)
EMAIL_FILE_PATH = str(DATA_DIR / "mail")
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("MAIL_FROM", "Circletake <circletake@localhost>")

# --- Security headers -----------------------------------------------------------------------------

SECURE_SSL_REDIRECT = env.bool("SSL_REDIRECT", PRODUCTION)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
BEHIND_PROXY = env.bool("BEHIND_PROXY", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
ALLAUTH_TRUSTED_CLIENT_IP_HEADER = "X-Real-IP" if BEHIND_PROXY else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
MEDIA_ORIGINS = [storage.public_url(env)] if MEDIA_REDIRECT_SECONDS else []
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:", "blob:", *MEDIA_ORIGINS],
        "media-src": [SELF, "blob:", *MEDIA_ORIGINS],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- API ------------------------------------------------------------------------------------------

KNOX_TOKEN_MODEL = "projects.ApiToken"  # noqa: S105
REST_KNOX = {
    "TOKEN_MODEL": KNOX_TOKEN_MODEL,
    "AUTH_HEADER_PREFIX": "Token",
    "TOKEN_TTL": datetime.timedelta(days=env.int("TOKEN_DAYS", 365)),
    "TOKEN_LIMIT_PER_USER": None,
}
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["generation.api.authentication.MemberToken"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "generation.api.schema.Described",
    "EXCEPTION_HANDLER": "generation.api.problems.handler",
    "DEFAULT_THROTTLE_CLASSES": ["generation.api.throttling.InAll", "generation.api.throttling.Spending"],
    "URL_FORMAT_OVERRIDE": None,
    "COERCE_DECIMAL_TO_STRING": True,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Circletake",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "ENUM_NAME_OVERRIDES": {
        "AssetKind": "projects.models.takes.Asset.Kind",
        "DeliverableState": "projects.models.work.DeliverableState",
        "DifferenceKind": "billing.models.reconciliation.DifferenceKind",
        "DraftOnly": [("draft", "Draft")],
        "HistoryState": "generation.models.imports.HistoryJob.State",
        "EntryKind": "billing.models.ledger.EntryKind",
        "Phase": "projects.models.work.Phase",
        "RequestState": "projects.models.decisions.RequestState",
        "RunState": "generation.models.runs.RunState",
        "TableState": "routing.models.tables.TableState",
        "TakeKind": "projects.models.takes.Take.Kind",
        "TakeState": "projects.models.takes.TakeState",
    },
}

# --- Logs -----------------------------------------------------------------------------------------

LOG_FORMAT = env.str("LOG_FORMAT", "json" if PRODUCTION else "text")
if LOG_FORMAT not in ("json", "text"):
    raise ImproperlyConfigured(f"LOG_FORMAT is {LOG_FORMAT}: choose json or text.")
LOGGING = logs.configuration(as_json=LOG_FORMAT == "json", level=env.str("LOG_LEVEL", "INFO"))
logs.configure_structlog()
