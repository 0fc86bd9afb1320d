"""A server that speaks OpenAI's protocol and misbehaves on demand; a process of its own, on loopback.

    python faulty_server.py '{"first": ["500", "drop"], "then": "good", "n": 4}'

`first` are the moods of the first requests, `then` that of all others. It prints its port. The text of a
good answer is a function of prompt, seed and number of the choice.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PLAN: dict = {}
LOCK = threading.Lock()
SEEN = {"requests": 0}


def mood() -> str:
    """Settle how this request is treated."""
    with LOCK:
        number = SEEN["requests"]
        SEEN["requests"] += 1
    return PLAN.get("first", [])[number] if number < len(PLAN.get("first", [])) else PLAN.get("then", "good")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "faulty", ""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.reply(200, json.dumps({"version": "0.1-faulty"} if self.path == "/version" else SEEN))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        now = mood()
        if now == "drop":
            self.close_connection = True
            self.connection.close()
        elif now == "half":
            self.reply(200, self.good(body), short=True)
        elif now == "die":
            os._exit(1)
        elif now == "hang":
            time.sleep(30)
        elif now == "huge":
            self.huge()
        elif now in {"429", "429-date", "503"}:
            wait = (
                "0.3"
                if now != "429-date"
                else time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 1))
            )
            self.reply(int(now[:3]), '{"error": "slow down"}', {"Retry-After": wait})
        elif now in {"400", "401", "404", "500"}:
            self.reply(int(now), json.dumps({"error": {"message": f"mood {now}"}}))
        elif now.startswith("no-") and now[3:] in body:
            self.reply(422, json.dumps({"detail": f"Unexpected fields in the request: {{'{now[3:]}'}}"}))
        elif now == "poison" and "poison" in json.dumps(body):
            self.reply(500, '{"error": "this one always fails"}')
        else:
            time.sleep(PLAN.get("slow", 0.0) + (0.5 if now == "slow" else 0.0))
            self.reply(
                200,
                {
                    "html": "<html>502 Bad Gateway</html>",
                    "empty": "",
                    "list": "[1, 2]",
                    "text": '{"choices": [{}]}',
                }.get(now)
                or self.good(body, now),
            )

    def good(self, body: dict, now: str = "good") -> str:
        """Answer as asked."""
        prompt = body.get("prompt") or body["messages"][-1]["content"]
        chat = "messages" in body
        choices = []
        for number in range(min(body.get("n", 1), PLAN.get("n", 99))):
            text = f"{prompt[:12]} {body.get('seed')} {number} #### 17" + (
                "\ud800" if now == "half-character" else ""
            )
            scores = [-0.5] * 5 if now != "nan" else [float("nan")] * 5
            told = {
                "index": number,
                "finish_reason": {"filter": "content_filter", "cut": "length"}.get(now, "stop"),
            }
            if chat:
                told["message"] = {"role": "assistant", "content": text}
                told["logprobs"] = {"content": [{"token": "x", "logprob": score} for score in scores]}
            else:
                told |= {"text": text, "logprobs": {"token_logprobs": scores}}
            if now in {"bare", "no-logprobs"} or "logprobs" not in body:
                del told["logprobs"]
            choices.append(told)
        usage = (
            {} if now == "bare" else {"usage": {"prompt_tokens": 4, "completion_tokens": 5 * len(choices)}}
        )
        return json.dumps({"object": "text_completion", "choices": choices, **usage})

    def huge(self) -> None:
        """Send without end."""
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b" " * 65_536)
        except OSError:
            self.close_connection = True

    def reply(
        self, status: int, text: str, headers: dict[str, str] | None = None, *, short: bool = False
    ) -> None:
        data = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data) + (1000 if short else 0)))
        self.end_headers()
        self.wfile.write(data)
        if short:
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_: object) -> None:
        """A client that went away is no news."""


if __name__ == "__main__":
    PLAN.update(json.loads(sys.argv[1]))
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)  # noqa: T201
    server.serve_forever()
