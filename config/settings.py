"""Settings, all from the environment.

Defaults are the ones for production. What development relaxes, it relaxes by name: `make run` sets
ALLOW_INSECURE_HTTP. A value that is needed and missing stops the start with one line.
"""

import re
from pathlib import Path

import structlog
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from redis import exceptions as redis_errors
from redis.backoff import NoBackoff
from redis.retry import Retry

from config import logs
from config.environment import (
    database,
    env,
    file_storage,
    hosts,
    log_level,
    mail,
    metrics_tokens,
    origins,
    rate,
    redis_url,
    secret_key,
    webhook_secret_keys,
)

BASE_DIR = Path(__file__).resolve().parent.parent

# --- the two secrets, and where the rest is ---------------------------------------------------
SECRET_KEY = secret_key()
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
REDIS_URL = redis_url()
DATA_DIR = Path(env.str("DATA_DIR", str(BASE_DIR / ".data"))).resolve()

# --- hosts and transport ----------------------------------------------------------------------
# Plain HTTP is for a developer's own machine; behind a TLS proxy, see TRUSTED_PROXY_TLS_HEADER.
ALLOW_INSECURE_HTTP = env.bool("ALLOW_INSECURE_HTTP", False)
ALLOWED_HOSTS = hosts()
CSRF_TRUSTED_ORIGINS = origins()
DEBUG = False
# Set only where a proxy strips this header from what callers send.
if env.bool("TRUSTED_PROXY_TLS_HEADER", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# How many proxies of ours stand before the server: that many entries of X-Forwarded-For, counted from
# the right, were written by us. 0 believes only the socket.
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", 0)
SECURE_SSL_REDIRECT = not ALLOW_INSECURE_HTTP
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not ALLOW_INSECURE_HTTP
SECURE_HSTS_SECONDS = 0 if ALLOW_INSECURE_HTTP else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not ALLOW_INSECURE_HTTP
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
SESSION_ENGINE = "administration.sessions"
APPEND_SLASH = False

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "django_filters",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "oauth2_provider",
    "rest_framework",
    "api",
    "audit",
    "administration",
    "webhooks",
    "oauth_clients",
    "agents",
    "agencies",
    "clients",
]

# Only what is truly every request's. The rest of an API request is in api/views.py.
MIDDLEWARE = [
    "api.middleware.RequestMiddleware",
    "api.tenancy.TenancyMiddleware",
    "api.middleware.ProbeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.pages.CSPMiddleware",
    "config.pages.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "config.pages.AuthenticationMiddleware",
    "config.pages.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- data -------------------------------------------------------------------------------------
# Each thread of the WSGI server keeps its own connection: as fast as a pool with as many connections as
# threads, and with nothing to tune. Behind PgBouncer: docs/runbook.md.
DATABASES = {
    "default": {
        **database(),
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": env.int("DATABASE_CONN_MAX_AGE", 600),
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }
}
DATABASES["default"].setdefault("OPTIONS", {}).update(
    connect_timeout=5,
    # Parameters are bound by the server, and a statement seen five times is prepared: PostgreSQL then no longer
    # plans it at each request, which costs more than running it. PgBouncer by transaction must be 1.21 or later.
    server_side_binding=True,
    prepare_threshold=5,
    options="-c statement_timeout=15s -c lock_timeout=10s -c idle_in_transaction_session_timeout=30s -c jit=off",
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Short time-outs: a counter store that is down must not hold up a request (api/ratelimits.py serves on). What is tried
# again is a connection that was lost meanwhile, and no store that hangs.
COUNTER_STORE = {
    "LOCATION": REDIS_URL,
    "TIMEOUT": 120,
    "OPTIONS": {
        "socket_timeout": 0.5,
        "socket_connect_timeout": 0.5,
        "retry": Retry(NoBackoff(), 1, supported_errors=(redis_errors.ConnectionError,)),
    },
}
CACHES = {
    "default": {**COUNTER_STORE, "BACKEND": "api.ratelimits.CounterCache", "KEY_PREFIX": "counter"},  # counts only
    "marks": {**COUNTER_STORE, "BACKEND": "django.core.cache.backends.redis.RedisCache", "KEY_PREFIX": "mark"},
}
MEDIA_ROOT = DATA_DIR / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # Pictures and logos: public by nature (they stand on a public page), under names that cannot be guessed.
    "pictures": file_storage("pictures", MEDIA_ROOT),
    # Declaration pages: nobody's to read but through the service.
    "declaration_pages": file_storage("declaration-pages", MEDIA_ROOT),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # served from where they are: no collectstatic step; a CDN may still stand before

# --- bounds of what may be sent ---------------------------------------------------------------
MAX_JSON_BYTES = 1_048_576
MAX_PICTURE_BYTES = 5 * 1024 * 1024
MAX_PICTURE_PIXELS = 4096  # on each side
MAX_DECLARATION_PAGE_BYTES = 20 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_JSON_BYTES
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000  # a set of additional questions in the admin: 50 of 10 fields
DATA_UPLOAD_MAX_NUMBER_FILES = 20
FILE_UPLOAD_MAX_MEMORY_SIZE = 262_144

# --- the API ----------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["api.renderers.JsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["api.parsers.JsonParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "api.renderers.JsonNegotiation",
    "DEFAULT_SCHEMA_CLASS": "api.openapi.schema.ApiSchema",
    "EXCEPTION_HANDLER": "api.errors.handle_exception",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Agency API",
    "VERSION": "1.0.0",
    "DESCRIPTION": "\n".join(
        (BASE_DIR / f"templates/docs/{name}.md").read_text() for name in ("introduction", "webhooks")
    ),
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": "/"}],
    "ENUM_SUFFIX": "",
    "ENUM_NAME_OVERRIDES": {
        "DeliveryStatus": "webhooks.models.Delivery.State",
        "EventName": "webhooks.catalogue.SUBSCRIBABLE",
        "InsuranceType": "clients.models.InsuranceType",
        "QuestionKind": "clients.models.Question.Kind",
        "ReadingState": "clients.models.DeclarationPage.Reading",
        "SalesFunnelStatus": "clients.models.FunnelStatus",
        "SubmissionStatus": "clients.models.Submission.Status",
        "WebhookDisabledReason": "webhooks.models.Subscription.Reason",
        "WebhookStatus": "webhooks.models.Subscription.Status",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "api.openapi.hooks.complete",
        "webhooks.openapi.add_webhooks",
    ],
    "SORT_OPERATIONS": False,
}
# Which function turns a bearer credential of which kind (its prefix) into a principal.
API_AUTHENTICATORS = {
    "agency_oat": "oauth_clients.authentication.authenticate",
    "agency_pat": "agents.authentication.authenticate",
}
RATE_LIMIT_CREDENTIAL = rate("RATE_LIMIT_CREDENTIAL", "60/m")
RATE_LIMIT_TOKEN = rate("RATE_LIMIT_TOKEN", "10/m")
RATE_LIMIT_ADDRESS = rate("RATE_LIMIT_ADDRESS", "60/m")
RATE_LIMIT_LOGIN = rate("RATE_LIMIT_LOGIN", "10/m")
RATE_LIMIT_PUBLIC_START = rate("RATE_LIMIT_PUBLIC_START", "10/h")
RATE_LIMIT_PUBLIC_AGENT = rate("RATE_LIMIT_PUBLIC_AGENT", "100/h")
RATE_LIMIT_PUBLIC_CHANGE = rate("RATE_LIMIT_PUBLIC_CHANGE", "300/h")
RATELIMIT_USE_CACHE = "default"
IDEMPOTENCY_HOURS = 24
SLUG_RESERVED = {
    "admin",
    "api",
    "docs",
    "oauth",
    "static",
    "media",
    "v1",
    "healthz",
    "readyz",
    "metrics",
    "openapi",
    "well-known",
    "files",
    "theme",
}

# --- webhooks ---------------------------------------------------------------------------------
# What encrypts signing secrets at rest: the first key does, any of them opens. Without keys of their own, they are
# derived from the secret key (and from those before it), which then must not be dropped without resealing.
WEBHOOK_SECRET_KEYS = webhook_secret_keys([SECRET_KEY, *SECRET_KEY_FALLBACKS])
# Plain http, and receivers on this machine or its network: for a developer's own trials.
WEBHOOKS_ALLOW_PRIVATE_ADDRESSES = env.bool("WEBHOOKS_ALLOW_PRIVATE_ADDRESSES", False)
if WEBHOOKS_ALLOW_PRIVATE_ADDRESSES and not ALLOW_INSECURE_HTTP:
    raise ImproperlyConfigured("WEBHOOKS_ALLOW_PRIVATE_ADDRESSES is for trials, together with ALLOW_INSECURE_HTTP")

# --- mail, to the admins of agencies ------------------------------------------------------------
globals().update(mail())  # EMAIL_BACKEND, EMAIL_HOST and so on
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = env.str("MAIL_FROM", "webhooks@localhost")

# About the answers of an authorization endpoint, which there is none of.
SILENCED_SYSTEM_CHECKS = ["oauth2_provider.W005"]
OAUTH2_PROVIDER_APPLICATION_MODEL = "oauth_clients.OAuthClient"
OAUTH2_PROVIDER = {
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
    "ACCESS_TOKEN_GENERATOR": "oauth_clients.tokens.generate_access_token",
    "OAUTH2_SERVER_CLASS": "oauthlib.oauth2.BackendApplicationServer",  # client credentials only
    "OAUTH2_VALIDATOR_CLASS": "oauth_clients.validators.ClientCredentialsValidator",
    # The flows that these are about are not served; strict all the same.
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "SCOPES": {"provisioning": "Create and manage the agencies linked to the client"},
    "DEFAULT_SCOPES": ["provisioning"],
    "OAUTH2_GRANT_TYPES_SUPPORTED": ["client_credentials"],
    "OAUTH2_RESPONSE_TYPES_SUPPORTED": [],
}

# --- Celery -----------------------------------------------------------------------------------
# The same server by the names that Celery's transport gives a Unix socket and a database number.
CELERY_BROKER_URL = re.sub(r"^unix://", "redis+socket://", REDIS_URL).replace("?db=", "?virtual_host=")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 600  # below the visibility time-out, so that no task is delivered while it runs
CELERY_TASK_SOFT_TIME_LIMIT = 540
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "max_retries": 0,  # who rings waits for no broker that is away (api/doorbell.py); kombu would for six seconds
    "socket_timeout": 5,
    "socket_connect_timeout": 5,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CHANNEL_ERROR_RETRY = True  # one that refuses writes is waited for: workers would end
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "config.celery:Scheduler"
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")
# What no worker came for is dropped after an hour (by the worker's clock, which may be wrong by minutes): each sweep of
# pages rings for hundreds of them.
UNHEARD = {"expires": 3600}
# At a time (UTC), when it is night in America, and not so long after beat began: where that is started anew each day,
# and its file is not kept, it would never be.
EACH_DAY = crontab(hour=9, minute=0)
CELERY_BEAT_SCHEDULE = {
    "deliver-webhooks": {"task": "webhooks.tasks.deliver", "schedule": 5, "options": {"queue": "webhooks", **UNHEARD}},
    "watch-webhooks": {"task": "webhooks.tasks.watch", "schedule": 60, "options": UNHEARD},
    "tidy-webhooks": {"task": "webhooks.tasks.tidy", "schedule": EACH_DAY},
    "clear-expired-oauth-tokens": {"task": "oauth_clients.tasks.clear_expired_tokens", "schedule": 3600},
    "resume-reading": {"task": "clients.tasks.resume_reading", "schedule": 60, "options": UNHEARD},
    "sweep-pictures": {"task": "agencies.tasks.sweep_pictures", "schedule": EACH_DAY},
    "sweep-orphans": {"task": "clients.tasks.sweep_orphans", "schedule": EACH_DAY},
    "clear-expired-idempotency-keys": {"task": "api.tasks.clear_expired_idempotency_keys", "schedule": 3600},
    "clear-expired-sessions": {"task": "administration.tasks.clear_expired_sessions", "schedule": EACH_DAY},
    "tidy-totals": {"task": "agents.tasks.tidy_totals", "schedule": EACH_DAY},
}

# --- pages ------------------------------------------------------------------------------------
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
LOGIN_REDIRECT_URL = "admin:index"  # who came to the login itself
CSRF_FAILURE_VIEW = "api.errors.csrf_failure"
UNFOLD = {
    "SITE_TITLE": "Agency API",
    "SITE_HEADER": "Agency API",
    "SITE_FAVICONS": [{"rel": "icon", "href": "data:,"}],  # none: else each browser asks for /favicon.ico
    "SITE_URL": "/docs/",
    "SHOW_VIEW_ON_SITE": False,
}
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False

# --- metrics, for Prometheus ---------------------------------------------------------------------
METRICS_TOKENS = metrics_tokens()

# --- logs: one JSON line an event, request ids carried into Celery, no personal data ------------
DJANGO_STRUCTLOG_CELERY_ENABLED = True
LOG_LEVEL = log_level()
LOGGING = logs.logging_config(LOG_LEVEL)
structlog.configure(**logs.structlog_config(LOG_LEVEL))
