"""Questions, answered live or from what was answered before."""

import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from threading import Lock
from types import TracebackType
from typing import Any

from vera.errors import VeraError
from vera.vlm.cache import ReplyCache
from vera.vlm.endpoint import Endpoint
from vera.vlm.key import read_key
from vera.vlm.minute import MinuteLimit
from vera.vlm.outcome import Complaint, Outcome, gives_up, read_reply
from vera.vlm.question import Answer, Question, asked_again, digest, encoded, request_body
from vera.vlm.threads import in_threads
from vera.vlm.transport import Transport, UnavailableError
from vera.vlm.usage import Usage, usage_of

IN_A_ROW = 3  # questions without a reply, after which the others are not tried
PICTURE_TOKENS = 1000  # a guess, until a reply has told


@dataclass(frozen=True)
class Request:
    """A request that has no reply yet. `digest`: its name in the cache and in batch files; `content`: its body."""

    digest: str
    content: bytes
    guess: int


def next_step(endpoint: Endpoint, question: Question[Answer], cache: ReplyCache) -> Outcome[Answer] | Request:
    """Go through the conversation as far as its replies are known: to its outcome, or to the next request.

    What a model is told of a malformed answer follows from that answer, so a conversation is the same whenever and
    however it goes on.
    """
    body, usage, complaint = request_body(endpoint, question), Usage(), None
    for _ in range(endpoint.reasks + 1):
        content = encoded(body)
        name = digest(content)
        reply = cache.get(name)
        if reply is None:
            return Request(name, content, _guess(endpoint, body))
        usage += usage_of(reply.body) if reply.status == 200 else Usage(1)
        read = read_reply(reply.status, reply.body, question.answer)
        if isinstance(read, Outcome):
            return Outcome(read.answer, read.problem, read.why, usage)
        complaint = read
        body = asked_again(body, complaint.text, complaint.what)
    assert isinstance(complaint, Complaint)
    outcome = gives_up(complaint)
    return Outcome(None, outcome.problem, outcome.why, usage)


class Client(AbstractContextManager["Client"]):
    """Asks an endpoint; safe for threads.

    `spent`: what the replies that came over the network took, as opposed to those from the cache. With `live` false
    nothing is sent, and a question that has no reply yet is `waiting`. Raises VeraError if the key is not there.
    """

    def __init__(self, endpoint: Endpoint, cache: ReplyCache, *, live: bool = True) -> None:
        self.endpoint, self.cache, self.spent = endpoint, cache, Usage()
        self._transport = Transport(endpoint, read_key(endpoint.key_variable)) if live else None
        wait = self._transport.wait if self._transport else time.sleep
        self._tokens = MinuteLimit(endpoint.tokens_per_minute, wait)
        self._lock, self._asking, self._without_reply = Lock(), dict[str, Lock](), 0
        self._mean_tokens: float | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transport is not None:
            self._transport.close()

    def stop(self) -> None:
        """End all waiting for a next try: what waits raises StoppedError."""
        if self._transport is not None:
            self._transport.stop()

    def ask(self, question: Question[Answer]) -> Outcome[Answer]:
        """Return the answer to a question, or the problem with it; every reply is on the disk before the next is asked.

        Raises VeraError for what would spoil any question: no connection, a wrong key, no such model, no credit, or an
        endpoint that gives no usable reply to several questions in a row.
        """
        while True:
            step = next_step(self.endpoint, question, self.cache)
            if isinstance(step, Outcome):
                return step
            if self._transport is None:
                return Outcome(None, "waiting", "not asked yet")
            try:
                self._fetch(self._transport, step)
            except UnavailableError as error:
                self._count_failure(error)
                return Outcome(None, "failed", str(error))

    def ask_all(self, questions: Iterable[Question[Answer]], at_once: int = 4) -> Iterator[Outcome[Answer]]:
        """Return outcomes in the order of the questions, `at_once` at a time; a question is taken when it is asked."""
        return in_threads(self.ask, questions, at_once, self.stop)

    def _fetch(self, transport: Transport, request: Request) -> None:
        """Have the reply to a request in the cache; of threads that want the same one, one asks."""
        with self._lock:
            alone = self._asking.setdefault(request.digest, Lock())
        with alone:
            if self.cache.get(request.digest) is not None:
                return
            taken = self._tokens.take(self._mean_tokens or request.guess)
            reply = transport.post(request.content)
            self.cache.put(request.digest, reply)
            usage = usage_of(reply.body) if reply.status == 200 else Usage(1)
            if not usage.untold:
                taken.amount = usage.tokens
            self._count(usage)

    def _count(self, usage: Usage) -> None:
        with self._lock:
            self.spent += usage
            self._without_reply = 0
            told = self.spent.replies - self.spent.untold
            self._mean_tokens = self.spent.tokens / told if told else None

    def _count_failure(self, error: UnavailableError) -> None:
        with self._lock:
            self._without_reply += 1
            if self._without_reply >= IN_A_ROW:
                raise VeraError(f"{error}; {IN_A_ROW} questions in a row got no reply. The same command goes on later")


def _guess(endpoint: Endpoint, body: dict[str, Any]) -> int:
    """About how many tokens a request takes: a quarter of its letters, so many for each picture, and its answer."""
    letters = pictures = 0
    for message in body["messages"]:
        parts = message["content"] if isinstance(message["content"], list) else [{"text": message["content"]}]
        letters += sum(len(part.get("text", "")) for part in parts)
        pictures += sum("text" not in part for part in parts)
    return letters // 4 + pictures * PICTURE_TOKENS + endpoint.max_tokens
