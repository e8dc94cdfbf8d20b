"""What a worker says to the server."""

import re
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx2

from vera.errors import VeraError

CONNECT, REPLY = 3.0, 10.0  # seconds
REPEAT = 0.5  # seconds between tries

Answer = Literal["go on", "stop", "lost", "unheard"]


class Client:
    """A worker's connection; `name` is the worker's own. Raises VeraError where no try would fare better."""

    def __init__(self, server: str, token: str, name: str) -> None:
        if not _is_url(server):
            raise VeraError(f"{server}: is no URL of a server; name one such as http://studio.example.com:8000")
        self._http = httpx2.Client(
            base_url=f"{server.rstrip('/')}/api/v1/workers/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx2.Timeout(REPLY, connect=CONNECT),
            follow_redirects=False,  # the token is for this host
            trust_env=False,  # no proxy of the environment sees it
        )
        self._server, self._name = server, name

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def claim(self, kinds: list[str]) -> dict[str, Any] | None:
        """A job and its lease; None if there is none, or the server is not heard."""
        response = self._post("claim", {"worker": self._name, "kinds": kinds})
        if response is None or response.status_code >= 500:
            return None
        if response.status_code != 200:
            raise VeraError(
                f"{self._server}: gives no jobs ({_detail(response)}); is it the URL that a studio printed?"
            )
        claim: dict[str, Any] | None = response.json()
        return claim

    def heartbeat(self, claim: dict[str, Any], progress: dict[str, Any] | None) -> Answer:
        """Say that the job runs, and how far it is."""
        response = self._post("heartbeat", {**self._of(claim), "progress": progress})
        if response is None or response.status_code >= 500:
            return "unheard"
        if response.status_code != 200:
            return "lost"
        return "stop" if response.json()["stop"] else "go on"

    def report(self, claim: dict[str, Any], outcome: str, **told: Any) -> bool:
        """Say how the job ended; whether the server heard it, or does not want to hear of it any more.

        What it does not take, such as a result beyond all use, is reported as a failure.
        """
        response = self._post("report", {**self._of(claim), "outcome": outcome, **told})
        if response is None or response.status_code >= 500:
            return False
        if response.status_code in (413, 422) and outcome == "done":
            why = f"the server does not take its result: {_detail(response)}"
            return self.report(claim, "failed", error=why)
        return True

    def previews(self, claim: dict[str, Any], step: int, pictures: dict[str, bytes]) -> None:
        """Send a step's pictures, by layer; those that do not arrive are not missed."""
        kind = {"Content-Type": "image/jpeg"}
        try:
            for number, (layer, picture) in enumerate(pictures.items(), 1):
                about = {**self._of(claim), "step": step, "layer": layer, "last": number == len(pictures)}
                self._http.post("preview", params=about, content=picture, headers=kind)
        except httpx2.HTTPError:
            return

    def _of(self, claim: dict[str, Any]) -> dict[str, Any]:
        return {"job": claim["job"]["id"], "worker": self._name, "lease": claim["lease"]}

    def _post(self, path: str, body: dict[str, Any]) -> httpx2.Response | None:
        """The response; None if none came. Raises VeraError if the server does not want this worker."""
        try:
            response = self._http.post(path, json=body)
        except httpx2.HTTPError:
            return None
        if response.status_code in (401, 403):
            raise VeraError(f"{self._server}: refuses this worker ({_detail(response)}); is it the server's token?")
        return response


def _is_url(server: str) -> bool:
    try:
        url = urlsplit(server)
        name, _ = url.hostname or "", url.port  # a port beyond all ports is a ValueError
    except ValueError:
        return False
    return url.scheme in ("http", "https") and bool(re.fullmatch(r"[\w.:-]+", name)) and not url.query


def _detail(response: httpx2.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"code {response.status_code}"
