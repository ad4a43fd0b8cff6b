"""An OpenID Connect provider of few words: it vouches for whom a test names, at once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT = "brushmark-tests"


@dataclass
class Provider:
    """Whom it will vouch for next, and where it is."""

    url: str = ""
    email: str = "ann@example.org"
    verified: bool = True
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1"}))
    nonces: dict[str, str] = field(default_factory=dict)

    def login_file(self, redirect: str, roles: dict[str, str]) -> str:
        """Write what BRUSHMARK_LOGIN names."""
        lines = [
            "[auth]",
            f'redirect_uri = "{redirect}/oauth2callback"',
            'cookie_secret = "of a test alone, of a test alone"',
            f'client_id = "{CLIENT}"',
            'client_secret = "of a test"',
            f'server_metadata_url = "{self.url}/.well-known/openid-configuration"',
            "[roles]",
            *(f'"{person}" = "{role}"' for person, role in roles.items()),
        ]
        return "\n".join([*lines, ""])

    def documents(self) -> dict[str, object]:
        """Return what is served as it is."""
        here = self.url
        return {
            "/.well-known/openid-configuration": {
                "issuer": here,
                "authorization_endpoint": f"{here}/authorize",
                "token_endpoint": f"{here}/token",
                "jwks_uri": f"{here}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            },
            "/keys": {"keys": [self.key.as_dict(private=False)]},
        }

    def token(self, code: str) -> dict[str, object]:
        """Exchange a code for a signed statement of who the person is."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": self.email,
            "iat": now,
            "exp": now + 600,
            "nonce": self.nonces[code],
            "email": self.email,
            "email_verified": self.verified,
        }
        signed = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key)
        return {"access_token": "x", "token_type": "Bearer", "expires_in": 600, "id_token": signed}


@contextmanager
def provider() -> Iterator[Provider]:
    """Run a provider on a free port."""
    one = Provider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(one))
    one.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(one: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Keep quiet."""

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            if address.path == "/authorize":
                asked = {k: v[0] for k, v in parse_qs(address.query).items()}
                code = f"code-{len(one.nonces)}"
                one.nonces[code] = asked.get("nonce", "")
                back = urlencode({"code": code, "state": asked["state"]})
                self.send_response(302)
                self.send_header("Location", f"{asked['redirect_uri']}?{back}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self._json(one.documents()[address.path])

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._json(one.token(parse_qs(body)["code"][0]))

        def _json(self, document: object) -> None:
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
