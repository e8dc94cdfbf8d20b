"""OpenAI's chat completions on the loopback: answers that a test decides, and a count of what was asked."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

KEY = "sk-test-0123456789abcdef"


@dataclass(frozen=True)
class Said:
    """What the endpoint does with one request: a status and a body, raw bytes, or nothing for so many seconds."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0


def completion(content: str | None, finish: str = "stop", usage: Any = (100, 20), **message: Any) -> Said:
    """A reply whose message holds `content`; `usage` is prompt and answer tokens, or whatever stands there."""
    told = dict(zip(("prompt_tokens", "completion_tokens"), usage, strict=True)) if isinstance(usage, tuple) else usage
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
    return Said(body={"id": "c", "object": "chat.completion", "choices": [choice], "usage": told})


def answer(value: Any, **more: Any) -> Said:
    """A reply that holds a value as JSON."""
    return completion(json.dumps(value), **more)


def error(status: int, message: str = "no", headers: Mapping[str, str] | None = None, **more: Any) -> Said:
    return Said(status, {"error": {"message": message, **more}}, headers or {})


class ChatEndpoint(ThreadingHTTPServer):
    """`says` makes the reply to the body of a request; `asked` holds the bodies, `keys` the Authorization headers."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, says: Callable[[dict[str, Any]], Said], models: tuple[str, ...] = ("judge",)) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.says, self.models = says, models
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.lock = Lock()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is not told of."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


@contextmanager
def chat_endpoint(
    says: Callable[[dict[str, Any]], Said], models: tuple[str, ...] = ("judge",)
) -> Iterator[ChatEndpoint]:
    with ChatEndpoint(says, models) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def in_turn(*replies: Said) -> Callable[[dict[str, Any]], Said]:
    """Give replies one after the other, and the last one for ever."""
    left = list(replies)
    return lambda body: left.pop(0) if len(left) > 1 else left[0]


class _Handler(BaseHTTPRequestHandler):
    server: ChatEndpoint
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self._send(Said(body={"data": [{"id": name} for name in self.server.models]}))
        else:
            self._send(error(404))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/chat/completions":
            self._send(error(404, "Not Found"))
            return
        with self.server.lock:
            self.server.asked.append(body)
            self.server.keys.append(self.headers["Authorization"])
            if body["model"] not in self.server.models:
                said = error(404, f"The model `{body['model']}` does not exist.")
            else:
                said = self.server.says(body)
        if said.delay:
            time.sleep(said.delay)
        self._send(said)

    def _send(self, said: Said) -> None:
        data = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
        self.send_response(said.status)
        for name, value in said.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        try:
            self.wfile.write(data)
        except OSError:
            self.close_connection = True  # who asked has given up

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not printed."""
