from oauthlib.common import Request

from api import credentials


def generate_access_token(request: Request, refresh_token: bool = False) -> str:
    """The toolkit's ACCESS_TOKEN_GENERATOR: a token with our prefix and checksum. Stored as its SHA-256 only."""
    return credentials.generate(credentials.OAUTH_ACCESS_TOKEN)
