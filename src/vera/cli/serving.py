"""Options of commands that serve pages to people they let in, and how they are served."""

import webbrowser
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import Parameter

from vera.cli.options import Words
from vera.cli.terminal import say

if TYPE_CHECKING:
    from vera.service.access import Access
    from vera.service.run import Beside


@Parameter(name="*")
@dataclass(frozen=True)
class Serving:
    """Where pages are served, and who may open them.

    Parameters
    ----------
    host
        Address to listen at. One that other machines can reach requires --token-file.
    port
        Port to listen at. 0: any free port.
    name
        Name under which browsers reach this machine, such as studio.example.com, if not the host. May be repeated.
    token_file
        File that only you can read, with one line: the token that programs such as workers send. Browsers stay signed
        in after a restart. Default: a new token at each start.
    proxy
        Address of a reverse proxy that signs people in and sends their names. Default: none.
    user_header
        Header in which the proxy sends a person's name.
    browser
        Open the link in the browser; --no-browser only prints it.
    """

    host: str = "127.0.0.1"
    port: int = 0
    name: Words = ()
    token_file: Path | None = None
    proxy: str | None = None
    user_header: str = "X-Forwarded-User"
    browser: bool = True

    def access(self, what: str) -> "Access":
        """Who may open the pages. VeraError where the server's packages, which `what` needs, or a token are missing."""
        from vera.optional import need

        for package in ("fastapi", "uvicorn"):
            need(package, package, what, "studio")
        from vera.service.access import Access, Proxy
        from vera.service.tokens import check_host, read_token

        check_host(self.host, self.token_file)
        token = None if self.token_file is None else read_token(self.token_file)
        return Access(token, None if self.proxy is None else Proxy(self.proxy, self.user_header))

    def serve(self, app: Any, access: "Access", beside: "Beside" = nullcontext) -> None:
        """Serve an ASGI app, and say a link that opens it once, and another each time that one was used."""
        from vera.service.run import serve

        def ready(url: str) -> None:
            link = url + access.link()
            access.used = lambda: say(f"another    {url}{access.link()}")
            say(f"open       {link}")
            if self.browser:
                webbrowser.open(link)

        serve(app, self.host, self.port, names=self.name, ready=ready, beside=beside)


SERVING = Serving()
