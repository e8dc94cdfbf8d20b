"""Requests over HTTP, tried again while that may help."""

import email.utils
import json
import random
import time
from collections.abc import Mapping
from threading import Event
from typing import Any

import httpx2

from vera.errors import VeraError, first_line
from vera.files import parse_json
from vera.vlm.cache import Reply
from vera.vlm.endpoint import Endpoint
from vera.vlm.key import Key
from vera.vlm.minute import MinuteLimit
from vera.vlm.outcome import error_text, is_refusal

BUSY = {408, 409, 425, 429, 500, 502, 503, 504, 529}  # what passes by itself
NO_CREDIT = ("insufficient_quota", "billing_hard_limit_reached")  # sent as 429, and passes when somebody pays
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0  # seconds: doubled with every try
PATIENCE = 300.0  # seconds that an endpoint may ask to wait: daily limits ask for hours
CONNECT = 20.0  # seconds to a connection
LARGEST = 16 << 20  # bytes of a reply


class UnavailableError(VeraError):
    """One request got no usable reply, however often it was tried; others may."""


class StoppedError(VeraError):
    """The work was stopped while a request waited for its next try."""


class Transport:
    """Posts requests to an endpoint; safe for threads. `stop` ends all waiting."""

    def __init__(self, endpoint: Endpoint, key: Key) -> None:
        self._endpoint, self._key = endpoint, key
        self._stopped = Event()
        self._requests = MinuteLimit(endpoint.requests_per_minute, self.wait)
        timeout = httpx2.Timeout(endpoint.timeout, connect=min(CONNECT, endpoint.timeout))
        # A redirect is not followed: the key is for this host.
        self._http = httpx2.Client(headers=key.headers(), timeout=timeout, follow_redirects=False)

    def stop(self) -> None:
        """End all waiting: what waits raises StoppedError."""
        self._stopped.set()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def wait(self, seconds: float) -> None:
        """Wait, unless the work is stopped. Raises StoppedError then."""
        if self._stopped.wait(seconds):
            raise StoppedError("stopped; the same command goes on")

    def post(self, content: bytes) -> Reply:
        """Return a completion, or a refusal, to the body of a request.

        Raises UnavailableError if no usable reply came, and VeraError where no other request would fare better: no
        connection, a wrong key, no such model, no credit.
        """
        why = ""
        for number in range(self._endpoint.tries):
            asked_for = 0.0
            self._requests.take(1)
            try:
                status, headers, body = self._send(content)
            except httpx2.HTTPError as error:
                why = self._failure(error, last=number + 1 == self._endpoint.tries)
            else:
                reply = self._read(status, body)
                if reply is not None:
                    return reply
                why = f"replies {status} ({error_text(body)})"
                asked_for = retry_after(headers)
            if number + 1 < self._endpoint.tries:
                self._pause(number, asked_for, why)
        raise UnavailableError(f"{self._endpoint.base}: {why}, {self._endpoint.tries} times")

    def _send(self, content: bytes) -> tuple[int, Mapping[str, str], Mapping[str, Any]]:
        url = f"{self._endpoint.base}/chat/completions"
        with self._http.stream("POST", url, content=content, headers={"Content-Type": "application/json"}) as response:
            data = bytearray()
            for chunk in response.iter_bytes():
                data += chunk
                if len(data) > LARGEST:
                    raise UnavailableError(f"{self._endpoint.base}: replies with more than {LARGEST:,} bytes")
        body = self._parsed(data.decode("utf-8", "replace"), response.status_code)
        # Some quote the key; JSON's own escapes, which would hide it, are gone by now.
        return response.status_code, response.headers, json.loads(self._key.scrub(json.dumps(body)))

    def _parsed(self, text: str, status: int) -> Mapping[str, Any]:
        try:
            body = parse_json(text, self._endpoint.base)
        except VeraError:
            body = None
        if isinstance(body, dict):
            return body
        if status == 200:
            raise VeraError(f"{self._endpoint.base}: replies with no JSON object; is it the URL up to /v1?")
        return {"error": text}

    def _read(self, status: int, body: Mapping[str, Any]) -> Reply | None:
        """The reply, None if it may be another next time; raises for what stays."""
        where, model = self._endpoint.base, self._endpoint.model
        if status == 200:
            if "choices" not in body:
                raise VeraError(f"{where}: replies with no completion ({error_text(body)}); is it the URL up to /v1?")
            return Reply(200, body)
        if is_refusal(body):
            return Reply(status, {"error": body["error"]})
        if status in (401, 403):  # its words are not told: some quote parts of the key
            key = self._endpoint.key_variable
            hint = f"is the key in {key} right?" if key else "name the variable that holds its key"
            raise VeraError(f"{where}: refuses access ({status}); {hint}")
        if status == 404:
            raise VeraError(f"{where}: has no model {model!r}, or is not the URL up to /v1; {self._served(body)}")
        if _no_credit(body):
            raise VeraError(f"{where}: has no credit left ({error_text(body)}); the same command goes on later")
        if status in BUSY:
            return None
        raise UnavailableError(f"{where}: replies {status} ({error_text(body)})")

    def _served(self, body: Mapping[str, Any]) -> str:
        """What the endpoint serves, or says, for the message that it has no such model."""
        try:
            listed = self._http.get(f"{self._endpoint.base}/models", timeout=CONNECT)
            names = [str(model["id"]) for model in json.loads(listed.text)["data"]]
        except (httpx2.HTTPError, ValueError, KeyError, TypeError):
            names = []
        return f"it serves {', '.join(names[:20])}" if names else f"it says: {error_text(body)}"

    def _failure(self, error: httpx2.HTTPError, last: bool) -> str:
        """What went wrong without a reply. Raises VeraError if there was no connection in the last try."""
        if isinstance(error, httpx2.TimeoutException) and not isinstance(error, httpx2.ConnectTimeout):
            return f"does not reply in {self._endpoint.timeout:g} s"
        why = self._key.scrub(first_line(error))
        if last and isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
            raise VeraError(f"{self._endpoint.base}: cannot be reached ({why}); is it running?")
        return f"breaks off ({why})"

    def _pause(self, number: int, asked_for: float, why: str) -> None:
        if asked_for > PATIENCE:
            raise VeraError(
                f"{self._endpoint.base}: {why} and asks to wait {asked_for:.0f} s; the same command goes on later"
            )
        # Spread, so that threads that failed together do not come again together.
        backed_off = min(LONGEST_WAIT, FIRST_WAIT * 2**number) * random.uniform(0.5, 1)
        self.wait(max(asked_for, backed_off))


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float:
    """Return the seconds that a reply asks to wait, by number or by date; 0 if it does not, or nothing that is one."""
    told = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - (time.time() if now is None else now))
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _no_credit(body: Mapping[str, Any]) -> bool:
    error = body.get("error")
    return isinstance(error, dict) and any(error.get(name) in NO_CREDIT for name in ("code", "type"))
