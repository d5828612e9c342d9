"""A server of objects that misbehaves on request: as a web server, and as S3 for reads and lists.

A read of S3 is plain HTTP. What S3 does beyond that (writes, errors of its own) the tests have from moto.
"""

from __future__ import annotations

import socket
import struct
import threading
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


@dataclass
class Behaviour:
    """What the server holds, and what it does wrong.

    Attributes:
        objects: content by path, without the slash in front.
        ranges: whether it gives parts.
        tags: whether it names versions.
        lengths: whether it says how long an answer is.
        wrong: called for each GET with its number from 1; a status or a word that says what goes wrong.
        refusal: a status and a code of S3 with which everything is refused.
        redirects: paths that send elsewhere.
        asked: each request: method, path with query, the range that it wanted.
        after: called after each GET that went well, with its number.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    tags: bool = True
    lengths: bool = True
    wrong: Callable[[int], int | str | None] = lambda _: None
    refusal: tuple[int, str] | None = None
    redirects: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    after: Callable[[int], None] = lambda _: None

    @property
    def gets(self) -> list[tuple[str, str, str]]:
        """The requests for content."""
        return [each for each in self.asked if each[0] == "GET"]

    @property
    def starts(self) -> list[int]:
        """Where the ranges began that were asked for."""
        return [int(wanted.removeprefix("bytes=").partition("-")[0]) for _, _, wanted in self.gets if wanted]


class ObjectServer:
    """Serves the objects of a behaviour on a free port of loopback."""

    def __init__(self) -> None:
        self.behaviour = Behaviour()
        server = self

        class Handler(_Handler):
            behaviour = property(lambda _: server.behaviour)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    behaviour: Behaviour

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self._note()
        if self.behaviour.refusal is not None:
            self._begin(self.behaviour.refusal[0], 0, None)
            return
        content = self._find()
        if content is not None:
            self._begin(200, len(content), content)

    def do_GET(self) -> None:
        """Answer with the object or a part of it, or do wrong."""
        self._note()
        number = len(self.behaviour.gets)
        path = urlsplit(self.path).path
        if self.behaviour.refusal is not None:
            self._refuse(*self.behaviour.refusal)
            return
        if "list-type=2" in self.path:
            self._list()
            return
        if target := self.behaviour.redirects.get(path.lstrip("/")):
            self._begin(302, 0, None, Location=target)
            return
        wrong = self.behaviour.wrong(number)
        if isinstance(wrong, int):
            self._begin(wrong, 0, None)
            return
        content = self._find()
        if content is None:
            return
        self._send(content, wrong)
        self.behaviour.after(number)

    def _refuse(self, status: int, code: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>In the words of the store.</Message></Error>".encode()
        self._begin(status, len(body), None)
        self.wfile.write(body)

    def _list(self) -> None:
        """A page of keys, as ListObjectsV2 has it; folders are not folded."""
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        bucket = unquote(parts.path).strip("/")
        keys = sorted(path.removeprefix(f"{bucket}/") for path in self.behaviour.objects)
        keys = [key for key in keys if key.startswith(query.get("prefix", ""))]
        start, most = int(query.get("continuation-token", 0)), int(query.get("max-keys", 1000))
        page, more = keys[start : start + most], len(keys) > start + most
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>0</Size>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            for key in page
        )
        token = f"<NextContinuationToken>{start + most}</NextContinuationToken>" if more else ""
        body = (
            f"<ListBucketResult><Name>{bucket}</Name><KeyCount>{len(page)}</KeyCount>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{entries}</ListBucketResult>"
        ).encode()
        self._begin(200, len(body), None)
        self.wfile.write(body)

    def _send(self, content: bytes, wrong: str | None) -> None:
        wanted = self.headers.get("Range")
        if wanted and self.behaviour.ranges:
            low, _, high = wanted.removeprefix("bytes=").partition("-")
            start, end = int(low), min(int(high) + 1 if high else len(content), len(content))
            if start >= len(content):
                self._begin(416, 0, content)
                return
            where = f"bytes {start}-{end - 1}/{len(content)}"
            self._begin(206, end - start, content, **{"Content-Range": where})
            content = content[start:end]
        else:
            self._begin(200, len(content), content)
        if wrong in {"reset", "close"}:
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            self._break_off(wrong)
            return
        self.wfile.write(content)

    def _break_off(self, wrong: str) -> None:
        self.close_connection = True
        if wrong == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _note(self) -> None:
        self.behaviour.asked.append((self.command, self.path, self.headers.get("Range", "")))

    def _find(self) -> bytes | None:
        content = self.behaviour.objects.get(unquote(urlsplit(self.path).path).lstrip("/"))
        if content is None:
            self._begin(404, 0, None)
        return content

    def _begin(self, status: int, length: int, content: bytes | None, **more: str) -> None:
        self.send_response(status)
        if self.behaviour.lengths or content is None:
            self.send_header("Content-Length", str(length))
        else:
            self.close_connection = True
        if content is not None and self.behaviour.tags:
            self.send_header("ETag", f'"{md5(content).hexdigest()}"')
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
