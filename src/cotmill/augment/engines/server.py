"""One server: what is asked of it, how fast, and how long it is left alone after a mishap."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from cotmill.augment.engines.base import Ask, SamplingSettings
from cotmill.augment.engines.reply import (
    Busy,
    Garbage,
    Mishap,
    Refused,
    Reply,
    Unreachable,
    read_reply,
    shown,
    wait_of,
)
from cotmill.core.errors import MissingExtra, RecipeError
from cotmill.core.ids import rng_of
from cotmill.core.secrets import hide
from cotmill.model.render import Form

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds after the first mishap, doubled with each further one up to the longest."""
LONGEST_WAIT = 900.0
"""What a server may ask us to wait; a longer time is taken for this."""
BODY_BYTES, BYTES_PER_TOKEN = 2**20, 2_048
"""The largest body that is read: log-probabilities take some hundred bytes a token."""
WAITS = frozenset({408, 409, 425, 429})
DROPPED_FIELDS = ("logprobs", "top_k", "seed")
"""Fields that are left out for a server that refuses them; top-k only where it says nothing (all tokens)."""


class ServerConfig(BaseModel):
    """How servers are treated; none of it decides what a sample is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    form: Form = "auto"
    """plain: /completions with cotmill's own prompt; chat and auto: /chat/completions with messages."""
    n: int = Field(default=1, ge=1)
    concurrency: int = Field(default=16, ge=1)
    per_minute: int | None = Field(default=None, ge=1)
    patience: float = Field(default=300.0, gt=0)
    timeout: float = Field(default=600.0, gt=0)
    api_key: str | None = Field(default=None, repr=False)

    @property
    def chat(self) -> bool:
        """Whether messages are sent."""
        return self.form != "plain"


def imported() -> Any:
    """Import the HTTP client.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import httpx2
    except ModuleNotFoundError as error:
        raise MissingExtra("httpx2", "openai") from error
    return httpx2


class Server:
    """One address, with what was learned about it."""

    def __init__(self, url: str, model: str, config: ServerConfig) -> None:
        """Check the address; nothing is sent yet."""
        self.url, self.model, self.config = checked(url), model, config
        self.failures = 0
        """Mishaps since the last answer."""
        self.out = ""
        """Why nothing more is asked of it."""
        self.most = config.n
        """Answers it gives to one request."""
        self.version = ""
        self._dropped: set[str] = set()
        self._resume = self._next = 0.0

    @property
    def resting(self) -> bool:
        """Whether it is left alone now."""
        return self._resume > time.monotonic()

    async def rested(self) -> None:
        """Wait until the pause after a mishap is over."""
        while (wait := self._resume - time.monotonic()) > 0:
            await asyncio.sleep(wait)

    async def turn(self) -> None:
        """Wait until the rate allows a request."""
        if self.config.per_minute:
            now = time.monotonic()
            begin = max(now, self._next)
            self._next = begin + 60 / self.config.per_minute
            await asyncio.sleep(begin - now)

    def pause(self, mishap: Mishap) -> None:
        """Leave it alone for a while: as long as it asks, else longer with every mishap, and jittered."""
        if not self.resting:  # requests that were under way together fail together: that is one mishap
            self.failures += 1
        doubled = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self.failures - 1, 10))
        pause = doubled * (0.5 + rng_of(self.failures, "pause", self.url, self.model).random())
        if isinstance(mishap, Busy) and mishap.seconds is not None:
            pause = min(mishap.seconds, LONGEST_WAIT) + 0.1 * pause
        self._resume = max(self._resume, time.monotonic() + pause)

    async def ask(
        self, client: Any, asks: Sequence[Ask], settings: SamplingSettings, max_new_tokens: int
    ) -> Reply:
        """Ask for one sample per ask, all of one prompt.

        Raises:
            Mishap: no answer; its class says why.
        """
        body = self._body(asks, settings, max_new_tokens)
        path = "/chat/completions" if self.config.chat else "/completions"
        most = BODY_BYTES + len(asks) * max_new_tokens * BYTES_PER_TOKEN
        status, headers, content = await self._post(client, path, body, most)
        if status == 200:
            reply = read_reply(content, chat=self.config.chat)
            self.failures = 0
            return reply
        reason = f"HTTP {status} from {self.url}: {shown(content)}"
        if status in WAITS or (status == 503 and "retry-after" in headers):
            raise Busy(reason, wait_of(headers))
        if 400 <= status < 500:
            if self._drop(body, content.decode("utf-8", "replace"), settings):
                return await self.ask(client, asks, settings, max_new_tokens)
            raise Refused(reason, status)
        raise Garbage(reason)

    async def introduce(self, client: Any) -> None:
        """Learn what program it is, once; a server that does not tell is no mishap."""
        if self.version:
            return
        httpx = imported()
        root = self.url.removesuffix("/v1")
        try:
            told = await client.get(f"{root}/version", timeout=5.0)
            known = told.json().get("version") if told.status_code == 200 else None
            name = known if isinstance(known, str) else told.headers.get("server", "unknown")
            self.version = f"server {name}"[:100]
        except (httpx.HTTPError, ValueError, AttributeError):
            return

    def _body(self, asks: Sequence[Ask], settings: SamplingSettings, max_new_tokens: int) -> dict[str, Any]:
        """Build a request. The seed is that of the first sample: a server draws all others from it."""
        prompt = asks[0].prompt.content
        body: dict[str, Any] = {"messages": prompt} if self.config.chat else {"prompt": prompt}
        body |= {
            "model": self.model,
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            # Left out, a server would take the model's own default; -1 says: all of them.
            "top_k": settings.top_k or -1,
            "max_tokens": max_new_tokens,
            "seed": asks[0].seed,
            "logprobs": True if self.config.chat else 1,
        }
        if len(asks) > 1:
            body["n"] = len(asks)
        kept = {name: value for name, value in body.items() if name not in self._dropped}
        return {name: value for name, value in (kept | settings.extra).items() if value is not None}

    def _drop(self, body: dict[str, Any], told: str, settings: SamplingSettings) -> bool:
        """Leave out a field that a refusal names, if it can be left out."""
        for name in DROPPED_FIELDS:
            needed = name == "top_k" and settings.top_k
            if name in body and name in told and not needed and name not in settings.extra:
                self._dropped.add(name)
                return True
        return False

    @property
    def dropped(self) -> frozenset[str]:
        """Fields that this server refuses."""
        return frozenset(self._dropped)

    async def _post(
        self, client: Any, path: str, body: dict[str, Any], most: int
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request and read the answer, never more than `most` bytes, never longer than the limit."""
        httpx = imported()
        try:
            async with (
                asyncio.timeout(self.config.timeout),
                client.stream("POST", self.url + path, json=body) as response,
            ):
                content = bytearray()
                async for piece in response.aiter_bytes():
                    content += piece
                    if len(content) > most:
                        raise Garbage(f"the answer of {self.url} is larger than {most:,} bytes")
                return response.status_code, dict(response.headers), bytes(content)
        except TimeoutError as error:
            raise Garbage(f"{self.url} took longer than {self.config.timeout:g} s") from error
        except httpx.DecodingError as error:
            raise Garbage(f"the answer of {self.url} cannot be decoded: {error}") from error
        except httpx.TransportError as error:
            raise Unreachable(f"{self.url}: {type(error).__name__} {error}".rstrip()) from error


def checked(url: str) -> str:
    """Check an address and complete it.

    >>> checked("http://localhost:8000"), checked("http://localhost:8000/v1/")
    ('http://localhost:8000/v1', 'http://localhost:8000/v1')

    Raises:
        RecipeError: it is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise RecipeError(f"--url is {url!r}; write for example http://localhost:8000/v1")
    if "@" in parts.netloc:
        raise RecipeError(
            f"--url {hide(url)} holds a name and a password, which the list of processes would show; leave "
            "them out, and set a key with: export COTMILL_API_KEY=…"
        )
    return f"{url.rstrip('/')}/v1" if parts.path in {"", "/"} else url.rstrip("/")
