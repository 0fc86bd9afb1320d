"""Samples from any server that speaks OpenAI's protocol (vLLM, SGLang, llama.cpp, transformers, services).

Several servers share one queue of requests, each with so many workers of its own; a server that fails is
left alone for longer and longer and its requests go to the others. What can go wrong, and what follows:

    429, Retry-After       the server rests as long as it asks; nothing is counted against the request
    no connection, 5xx,    the server rests, doubling up to 30 s, with jitter; the request is tried again,
    nonsense, too slow     elsewhere if there is an elsewhere
    the same request       while others fare well: it is stored as failed, and drawn again by the next call
    keeps failing
    401, 403, 404          nothing more is asked of this server
    400 and the like       a field that can be left out is left out (log-probabilities); else the request
                           is stored as failed, or, when nothing has been answered yet, that is the end
    no server answers      an error, once `patience` has run out; what was drawn is stored

By default every sample is a request of its own, with its own seed. With `n` above 1 the server draws n from
the seed of the first: no two requests share one, but a sample drawn again alone has another stream. A
server does not tell what weights it has: the model's fingerprint is that of the name it was asked for by.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from cotmill.augment.engines.base import Ask, Deliver, Prompt, Question, SamplingSettings, rows_of, sample_of
from cotmill.augment.engines.reply import Busy, Choice, Garbage, Mishap, Refused, Reply, Unreachable
from cotmill.augment.engines.server import Server, ServerConfig, imported
from cotmill.augment.samples import Sample, prompt_hash
from cotmill.core.errors import ModelError, RecipeError
from cotmill.core.files import canonical_json
from cotmill.core.ids import content_id
from cotmill.model.render import render

BLOCK = 4_096
"""Samples between two blocks; they are written every 20 seconds besides."""
ATTEMPTS = 6
"""Failures of one request while others fare well."""
BUSY_FACTOR = 12
"""A server that only asks to wait is borne so many times longer."""
KEYS = ("COTMILL_API_KEY", "OPENAI_API_KEY")


@dataclass
class _Request:
    """Samples of one prompt that are asked for together, and how often that failed."""

    asks: list[Ask]
    failures: int = 0
    answered_then: int = 0
    """Requests that had been answered when it first failed."""


class OpenAIEngine:
    """Draws samples through HTTP."""

    name = "openai"
    block = BLOCK

    def __init__(self, model: str, urls: Sequence[str], config: ServerConfig | None = None) -> None:
        """Name the model as the servers know it, and the servers."""
        if not urls:
            raise RecipeError("the engine openai needs a server: --url http://HOST:8000/v1")
        imported()
        self.config = config or ServerConfig()
        self.servers = [Server(url, model, self.config) for url in dict.fromkeys(urls)]
        self.model, self.model_name = content_id("served model", model), model
        self.version = "OpenAI protocol"
        self._problems: Counter[str] = Counter()
        self._answered = 0

    def prompts(self, questions: Sequence[Question], template: str) -> list[Prompt]:
        """Render questions: the text itself in the plain form, messages in the chat form."""
        rows = rows_of(questions, template)
        if not self.config.chat:
            texts = [rendered.prompt for rendered in render(None, rows, "plain")]
            return [
                Prompt(question, prompt_hash(text), len(text), text)
                for question, text in zip(questions, texts, strict=True)
            ]
        prompts = []
        for question, row in zip(questions, rows, strict=True):
            turns = [*row.context, ("user", row.question)]
            messages = [{"role": role, "content": content} for role, content in turns]
            text = canonical_json(messages)
            prompts.append(Prompt(question, prompt_hash(text), len(text), messages))
        return prompts

    def shown(self, prompt: Prompt) -> str:
        """Write a prompt out."""
        return prompt.content if isinstance(prompt.content, str) else canonical_json(prompt.content)

    def pace(self, prompts: Sequence[Prompt], settings: SamplingSettings) -> float | None:
        """Not known before."""
        del prompts, settings

    def problems(self) -> dict[str, int]:
        """Say what went wrong so far."""
        return dict(self._problems)

    def draw(
        self, asks: Sequence[Ask], settings: SamplingSettings, max_new_tokens: int, deliver: Deliver
    ) -> None:
        """Draw one sample for each ask.

        Raises:
            ModelError: no server answers, or all refuse.
        """
        flight = _Flight(self, asks, settings, max_new_tokens, deliver)
        asyncio.run(flight.run())

    def note(self, reason: str) -> None:
        """Count something that went wrong."""
        self._problems[reason] += 1

    def answered(self, requests: int = 0) -> int:
        """Count requests that were answered."""
        self._answered += requests
        return self._answered


class _Flight:
    """The requests of one block, under way."""

    def __init__(
        self,
        engine: OpenAIEngine,
        asks: Sequence[Ask],
        settings: SamplingSettings,
        max_new_tokens: int,
        deliver: Deliver,
    ) -> None:
        self.engine, self.settings = engine, settings
        self.limit, self.deliver = max_new_tokens, deliver
        self.queue: asyncio.Queue[_Request | None] = asyncio.Queue()
        self.open = 0
        self.last_answer = time.monotonic()
        for request in _requests(asks, engine.config.n):
            self._put(request)

    async def run(self) -> None:
        """Let every server's workers take requests until none is left."""
        httpx, config = imported(), self.engine.config
        workers: list[asyncio.Task[None]] = []
        many = config.concurrency * len(self.engine.servers)
        async with httpx.AsyncClient(
            headers=_headers(config),
            timeout=httpx.Timeout(config.timeout, connect=min(30.0, config.timeout)),
            limits=httpx.Limits(max_connections=many, max_keepalive_connections=many),
        ) as client:
            await asyncio.gather(*(server.introduce(client) for server in self.engine.servers))
            for server in self.engine.servers:
                for _ in range(config.concurrency):
                    workers.append(asyncio.create_task(self._work(server, client)))
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    def _put(self, request: _Request) -> None:
        self.open += 1
        self.queue.put_nowait(request)

    async def _work(self, server: Server, client: Any) -> None:
        """Take requests to one server, until all are done or the server is out."""
        while not server.out and self.open:
            await server.rested()
            request = await self.queue.get()
            if request is None or server.out:
                self.queue.put_nowait(request)
                return
            if server.resting:
                self.queue.put_nowait(request)
                continue
            await server.turn()
            if len(request.asks) > server.most:
                self._put(_Request(request.asks[server.most :]))
                request.asks = request.asks[: server.most]
            try:
                reply = await server.ask(client, request.asks, self.settings, self.limit)
            except Mishap as mishap:
                server.pause(mishap)
                self._again(server, request, mishap)
            else:
                self._take(server, request, reply)
            self.open -= 1
            if not self.open:
                self.queue.put_nowait(None)

    def _take(self, server: Server, request: _Request, reply: Reply) -> None:
        """Hand the answers over; what a server left out of `n` is asked for again."""
        self.last_answer = time.monotonic()
        self.engine.answered(1)
        pairs = list(zip(request.asks, reply.choices, strict=False))
        if len(pairs) < len(request.asks):
            server.most = max(1, len(pairs))
            self.engine.note(f"{server.url} gives {len(pairs)} answers to a request, not {len(request.asks)}")
            self._put(_Request(request.asks[len(pairs) :]))
        for field in server.dropped:
            self.engine.note(f"{server.url} takes no {field}; it was left out")
        self.deliver([self._sample(server, ask, choice, reply) for ask, choice in pairs])

    def _again(self, server: Server, request: _Request, mishap: Mishap) -> None:
        """Decide what becomes of a request that was not answered, and of the server.

        Raises:
            ModelError: there is nobody left to ask, or nobody answers.
        """
        self.engine.note(mishap.reason)
        if isinstance(mishap, Refused):
            self._refused(server, request, mishap)
            return
        if not request.failures:
            request.answered_then = self.engine.answered()
        request.failures += not isinstance(mishap, Busy)
        if self._hopeless(request, mishap):
            self._fail(request)
            return
        self._put(request)
        self._bear(mishap)

    def _hopeless(self, request: _Request, mishap: Mishap) -> bool:
        """Say whether a request keeps failing by its own fault: others are answered meanwhile."""
        answered = self.engine.answered()
        if request.failures >= ATTEMPTS and answered > request.answered_then:
            return True
        return isinstance(mishap, Garbage) and request.failures >= 2 * ATTEMPTS and answered > 0

    def _bear(self, mishap: Mishap) -> None:
        """Lose patience when all servers have been failing for too long."""
        config, servers = self.engine.config, [one for one in self.engine.servers if not one.out]
        silent = time.monotonic() - self.last_answer
        patience = config.patience * (BUSY_FACTOR if isinstance(mishap, Busy) else 1)
        # Nothing but nonsense from the start: that is no outage, so it is not waited for.
        hopeless = not self.engine.answered() and all(one.failures >= ATTEMPTS for one in servers)
        nonsense = hopeless and not isinstance(mishap, Busy | Unreachable)
        if nonsense or (silent > patience and all(one.failures for one in servers)):
            raise ModelError(
                f"no server has answered for {silent:.0f} s (last: {mishap.reason}). What was drawn is "
                "stored; see to the servers, then type the same command again"
            )

    def _refused(self, server: Server, request: _Request, mishap: Refused) -> None:
        """Tell a refused server from a refused request."""
        if mishap.status in {400, 413, 422} and self.engine.answered():
            self._fail(request)
            return
        server.out = mishap.reason
        self._put(request)
        if all(one.out for one in self.engine.servers):
            raise ModelError(
                f"{mishap.reason}. What was drawn is stored; check --model, --form, the key in {KEYS[0]} and "
                "the settings (--top-k 0 leaves top-k out where a server does not know it)"
            )

    def _fail(self, request: _Request) -> None:
        """Store failed samples: the fact is kept, and the next call draws them again."""
        failed = Choice("", "error", 0, counted=True, logprob=None, told="")
        reply = Reply((failed,), 0)
        self.deliver([self._sample(self.engine.servers[0], ask, failed, reply) for ask in request.asks])

    def _sample(self, server: Server, ask: Ask, choice: Choice, reply: Reply) -> Sample:
        if choice.told and choice.finish_reason == "error":
            self.engine.note(f"an answer ended with {choice.told!r}")
        if not choice.counted:
            self.engine.note("tokens of an answer were estimated: the server does not tell them")
        sample = sample_of(
            self.engine,
            ask,
            self.limit,
            text=choice.text if choice.finish_reason != "error" else "",
            tokens=min(choice.tokens, 2**31 - 1),
            prompt_tokens=reply.prompt_tokens,
            finish_reason=choice.finish_reason,
            logprob=choice.logprob,
        )
        return replace(sample, engine_version=server.version or self.engine.version)


def _requests(asks: Sequence[Ask], n: int) -> Iterator[_Request]:
    """Put asks of one prompt together, n at a time."""
    for _, group in groupby(asks, key=lambda ask: ask.prompt.hash):
        same = list(group)
        for begin in range(0, len(same), n):
            yield _Request(same[begin : begin + n])


def _headers(config: ServerConfig) -> dict[str, str]:
    """Say who we are. No compression: a small body must not become a large one."""
    key = config.api_key or next((os.environ[name] for name in KEYS if os.environ.get(name)), None)
    return {"accept-encoding": "identity", **({"authorization": f"Bearer {key}"} if key else {})}
