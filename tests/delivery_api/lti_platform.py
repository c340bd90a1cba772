"""A learning platform that speaks LTI 1.3 over real HTTP, and the browser between it and the tool.

It signs messages with a key of its own, publishes that, and believes the tool by the key that the
tool publishes: login, launch, client credentials, scores, and links that are chosen.
"""

from __future__ import annotations

import asyncio
import html
import json
import re
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import jwt
import uvicorn
from anyio import to_thread
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
DEEP = "https://purl.imsglobal.org/spec/lti-dl/claim/"
AGS = "https://purl.imsglobal.org/spec/lti-ags/"
COURSE = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
LEARNER, TEACHER = f"{COURSE}Learner", f"{COURSE}Instructor"
CLIENT_ID = "tool-7"
DEPLOYMENT = "2"


@contextmanager
def served(app: Any) -> Iterator[str]:
    """An app on a free port of the loopback, in a thread; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until = time.monotonic() + 60
    while not server.started:
        assert thread.is_alive(), "the server ended"
        assert time.monotonic() < until, "the server did not start"
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)


@dataclass
class Learner:
    """Who is signed in at the platform, and opens a link."""

    sub: str | None
    roles: list[str]
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    signed_by: Any = None


@dataclass
class Platform:
    """The platform, and what it was told.

    Attributes:
        answers: what is answered instead of taking the next scores, in order.
        scores: taken ones, by line item and person.
        posted: every attempt, with status.
        chosen: content items of verified answers.
    """

    url: str = ""
    tool: str = ""
    key: Any = None
    waiting: dict[str, Learner] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    assertions: set[str] = field(default_factory=set)
    answers: list[int] = field(default_factory=list)
    scores: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    posted: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    chosen: list[dict[str, Any]] = field(default_factory=list)
    passback: Any = None
    loop: Any = None

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/auth", self.authenticate),
                Route("/jwks", self.jwks),
                Route("/token", self.token, methods=["POST"]),
                Route("/items/{item}/scores", self.score, methods=["POST"]),
                Route("/slow/1/scores", self.hang, methods=["POST"]),
                Route("/chosen", self.choose, methods=["POST"]),
            ]
        )

    def registered(self) -> dict[str, Any]:
        return {
            "name": "campus",
            "issuer": self.url,
            "client_id": CLIENT_ID,
            "deployment_ids": (DEPLOYMENT,),
            "auth_url": f"{self.url}/auth?site=1",
            "token_url": f"{self.url}/token",
            "jwks_url": f"{self.url}/jwks",
        }

    def jwks(self, request: Request) -> JSONResponse:
        key = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return JSONResponse({"keys": [key | {"kid": "k1", "use": "sig", "alg": "RS256"}]})

    def authenticate(self, request: Request) -> Response:
        """OpenID Connect, implicit flow by form_post, as a platform checks it."""
        asked = dict(request.query_params)
        right = {
            "site": "1",
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": CLIENT_ID,
            "redirect_uri": f"{self.tool}/lti/launch",
            "lti_message_hint": "hint",
        }
        assert {name: asked.get(name) for name in right} == right
        who = self.waiting.pop(asked["login_hint"])
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": who.sub,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "name": "Ada Lovelace",
            f"{CLAIM}version": "1.3.0",
            f"{CLAIM}message_type": "LtiResourceLinkRequest",
            f"{CLAIM}deployment_id": DEPLOYMENT,
            f"{CLAIM}target_link_uri": f"{self.tool}/lti/launch",
            f"{CLAIM}resource_link": {"id": "link-1"},
            f"{CLAIM}roles": who.roles,
            f"{CLAIM}custom": {"exam": "core"},
            f"{AGS}claim/endpoint": {
                "scope": [f"{AGS}scope/score"],
                "lineitem": f"{self.url}/items/9?type=1",
            },
        } | who.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"kid": "k1"} | who.header
        token = jwt.encode(claims, who.signed_by or self.key, header.pop("alg", "RS256"), header)
        return HTMLResponse(
            f'<form action="{asked["redirect_uri"]}"><input name="id_token" value="{token}">'
            f'<input name="state" value="{html.escape(asked["state"])}"></form>'
        )

    def tools_key(self, token: str) -> Any:
        return jwt.PyJWKClient(f"{self.tool}/lti/jwks").get_signing_key_from_jwt(token)

    async def token(self, request: Request) -> Response:
        """Client credentials by an assertion that the tool signed (RFC 7523)."""
        form = dict(parse_qsl((await request.body()).decode()))
        assert form["grant_type"] == "client_credentials"
        assert form["client_assertion_type"].endswith(":client-assertion-type:jwt-bearer")
        assert form["scope"] == f"{AGS}scope/score"
        assertion = form["client_assertion"]
        claims = jwt.decode(
            assertion,
            await to_thread.run_sync(self.tools_key, assertion),
            ["RS256"],
            audience=f"{self.url}/token",
            issuer=CLIENT_ID,
            options={"require": ["exp", "iat", "sub", "jti"]},
        )
        if claims["sub"] != CLIENT_ID or claims["jti"] in self.assertions:
            return JSONResponse({"error": "invalid_client"}, 400)
        self.assertions.add(claims["jti"])
        made = secrets.token_hex(8)
        self.tokens.add(made)
        return JSONResponse({"access_token": made, "token_type": "Bearer", "expires_in": 3600})

    async def score(self, request: Request) -> Response:
        """Takes a score that is newer than the one it has (AGS 3.4.4)."""
        told = json.loads(await request.body())
        status = self._judged(request, told)
        self.posted.append((status, told))
        return Response(status_code=status)

    async def hang(self, request: Request) -> Response:
        await asyncio.sleep(3)
        return Response(status_code=504)

    def _judged(self, request: Request, told: dict[str, Any]) -> int:
        if request.headers["authorization"].removeprefix("Bearer ") not in self.tokens:
            return 401
        assert request.headers["content-type"] == "application/vnd.ims.lis.v1.score+json"
        assert request.url.query == "type=1"
        if self.answers and (answer := self.answers.pop(0)) != 200:
            return answer
        place = request.path_params["item"], told["userId"]
        if place in self.scores and self.scores[place]["timestamp"] >= told["timestamp"]:
            return 409
        self.scores[place] = told
        return 204

    async def choose(self, request: Request) -> Response:
        """What a teacher chose, signed by the tool (Deep Linking 2.0)."""
        answer = parse_qs((await request.body()).decode())["JWT"][0]
        self.chosen.append(
            jwt.decode(
                answer,
                await to_thread.run_sync(self.tools_key, answer),
                ["RS256"],
                audience=self.url,
                issuer=CLIENT_ID,
                options={"require": ["exp", "iat", "nonce"]},
            )
        )
        return Response("added")


@contextmanager
def platform() -> Iterator[Platform]:
    made = Platform(key=rsa.generate_private_key(public_exponent=65537, key_size=2048))
    with served(made.app()) as made.url:
        yield made


class Browser:
    """Goes from page to page, and keeps cookies by address as browsers do on the loopback."""

    def __init__(self, of: Platform) -> None:
        self.platform = of
        self.cookies: dict[str, str] = {}
        self.http = httpx.Client(follow_redirects=False, timeout=30)

    def close(self) -> None:
        self.http.close()

    def log_in(self, who: Learner, **more: str) -> httpx.Response:
        """Opens a link: the platform has the tool begin."""
        hint = secrets.token_hex(4)
        self.platform.waiting[hint] = who
        asked = {
            "iss": self.platform.url,
            "login_hint": hint,
            "target_link_uri": f"{self.platform.tool}/lti/launch",
            "lti_message_hint": "hint",
            "client_id": CLIENT_ID,
        } | more
        answer = self.http.get(f"{self.platform.tool}/lti/login", params=asked)
        told = answer.headers.get("set-cookie", "")
        if told:
            assert {"Secure", "HttpOnly", "SameSite=None", "Partitioned"} < set(told.split("; "))
            name, _, value = told.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def message(self, who: Learner) -> dict[str, str]:
        """The form that the platform has the browser send."""
        page = self.http.get(self.log_in(who).headers["location"]).text
        return dict(re.findall(r'name="(\w+)" value="([^"]+)"', page))

    def send(self, form: dict[str, str]) -> httpx.Response:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        url = f"{self.platform.tool}/lti/launch"
        return self.http.post(url, data=form, headers={"cookie": cookie})

    def launch(self, who: Learner) -> httpx.Response:
        return self.send(self.message(who))

    def token(self, who: Learner) -> dict[str, str]:
        """Headers of a launched learner, as the program that a launch leads to gets them."""
        answer = self.launch(who)
        assert answer.status_code == 303, answer.text
        code = parse_qs(urlsplit(answer.headers["location"]).query)["launch"][0]
        told = self.http.post(f"{self.platform.tool}/v1/auth/launch", json={"code": code})
        assert told.status_code == 200, told.text
        return {"Authorization": f"Bearer {told.json()['access_token']}"}
