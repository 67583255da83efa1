"""Behind a proxy that ends TLS: its header is believed where the settings say so, and nowhere else."""

import pytest
import requests

from .conftest import CLOSED_DATABASE, CLOSED_STORE, Serve


@pytest.mark.parametrize("believed", [True, False])
def test_who_came_by_tls_is_told_by_a_proxy_that_is_trusted(serve: Serve, believed: bool) -> None:
    settings = {"ALLOW_INSECURE_HTTP": "false", "TRUSTED_PROXY_TLS_HEADER": str(believed).lower()}
    url = f"{serve(CLOSED_DATABASE, CLOSED_STORE, **settings).url}/openapi.json"
    plain = requests.get(url, allow_redirects=False, timeout=60)
    assert (plain.status_code, plain.headers["Location"]) == (301, url.replace("http:", "https:"))
    by_tls = requests.get(url, allow_redirects=False, timeout=60, headers={"X-Forwarded-Proto": "https"})
    assert by_tls.status_code == (200 if believed else 301)
    assert ("Strict-Transport-Security" in by_tls.headers) == believed
