"""A fake OpenID provider whose responses, valid or not, are set by the test."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from tests.certificates import ServerCertificate

CLIENT = "workflow"
KEY = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
Token = Callable[[dict[str, Any]], object]


def signed(claims: dict[str, Any], key: Any = KEY, algorithm: str = "RS256") -> str:
    """An ID token."""
    header = {"alg": algorithm, "kid": "1"}
    return jwt.encode(header, claims, key, algorithms=[algorithm])


class FakeOidcProvider:
    """A provider on localhost; `token` makes the ID token from valid claims."""

    def __init__(self, server: ThreadingHTTPServer, scheme: str = "http") -> None:
        self.issuer = f"{scheme}://127.0.0.1:{server.server_port}"
        self.nonce = ""
        """The nonce of the next ID token."""
        self.token: Token = signed
        self.keys: object = KeySet([KEY]).as_dict(private=False)
        self.metadata: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        self.status = 200
        self.refusal: dict[str, str] = {}
        """The answer to a code, if it is refused."""
        self.asked: list[dict[str, str]] = []
        """The forms of the requests for tokens."""

    def claims(self) -> dict[str, Any]:
        """The claims of a valid ID token."""
        now = int(time.time())
        return {"iss": self.issuer, "aud": CLIENT, "sub": "ana", "iat": now, "exp": now + 300,
                "nonce": self.nonce}  # fmt: skip

    def answer(self, path: str, form: str) -> tuple[int, object]:
        """Status and JSON."""
        if path == "/.well-known/openid-configuration":
            return self.status, self.metadata
        if path == "/keys":
            return 200, self.keys
        self.asked.append({name: values[0] for name, values in parse_qs(form).items()})
        if self.refusal:
            return 400, self.refusal
        tokens = {
            "access_token": "a",
            "token_type": "Bearer",
            "id_token": self.token(self.claims()),
        }
        return 200, tokens


@contextmanager
def fake_oidc_provider(certificate: ServerCertificate | None = None) -> Iterator[FakeOidcProvider]:
    """A running provider, stopped when the context exits; with a certificate, over TLS."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            status, body = provider.answer(self.path, self.rfile.read(length).decode())
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate.certificate, certificate.key)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    provider = FakeOidcProvider(server, "http" if certificate is None else "https")
    serving = threading.Thread(target=server.serve_forever, args=(0.05,))
    serving.start()
    try:
        yield provider
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
