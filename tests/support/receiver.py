"""A server on this machine that takes alerts, or fails as told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Receiver:
    """A server that answers as told, one answer per request, the last one for ever."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    got: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)

    def keys(self) -> list[str]:
        return [headers["Idempotency-Key"] for _, headers, _ in self.got]


def status(code: int, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Take the request, and say nothing: the acknowledgement is lost."""
    handler.close_connection = True
    handler.connection.close()


def dawdle(handler: BaseHTTPRequestHandler) -> None:
    """Answer after the sender has given up."""
    time.sleep(0.5)
    hang_up(handler)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A server on this machine while the block runs; it takes everything unless told otherwise."""
    made = Receiver(answers=[status(200)])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append((self.path, dict(self.headers.items()), json.loads(body)))
            (made.answers.pop(0) if len(made.answers) > 1 else made.answers[0])(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def finish(self) -> None:
            if not self.wfile.closed:
                try:
                    super().finish()
                except OSError:
                    return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    yield made
    server.shutdown()
    thread.join()
    server.server_close()
