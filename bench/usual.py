"""The same endpoint the usual way: ModelViewSet, nested ModelSerializer, DRF's own renderer, paginator and throttle,
and the OAuth toolkit's own authentication. A settings module and a URL configuration in one."""

from config.settings import *  # noqa: F403 - the same database, store, middleware and logs

ROOT_URLCONF = "bench.usual_urls"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["oauth2_provider.contrib.rest_framework.OAuth2Authentication"],
    "DEFAULT_PERMISSION_CLASSES": ["oauth2_provider.contrib.rest_framework.TokenHasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_THROTTLE_CLASSES": ["bench.usual_throttle.TokenThrottle"],
    "DEFAULT_THROTTLE_RATES": {"token": "60/min"},
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 25,
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}  # noqa: F405
