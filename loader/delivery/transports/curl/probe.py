"""One request that shows how far one gets towards a server, over the same library as a load."""

from __future__ import annotations

import ssl
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import certifi
import pycurl

from loader.delivery.transports.contract import LONGEST_BODY, Timeouts
from loader.delivery.transports.curl.curl_line import build_head
from loader.delivery.transports.curl.handle import CurlTarget, build_options, find_final_head
from loader.delivery.transports.probing import Probe, Stage
from loader.delivery.wording import clean_line

if TYPE_CHECKING:
    from loader.addresses import Proxy
    from loader.settings import Token

#: Someone waits for it.
TIMEOUTS = Timeouts(connect=10.0, read=10.0, total=20.0)


def send_probe(
    url: str,
    body: bytes,
    token: Token | None,
    *,
    proxy: Proxy | None = None,
    ca_bundle: str | None = None,
    timeouts: Timeouts = TIMEOUTS,
) -> Probe:
    """Send one request, and follow no redirect; it ends by the total deadline.

    Args:
        url: of an API method.
        body: of the request.
        token: goes to the server of the URL alone.
        proxy: the proxy, if one is used.
        ca_bundle: path of the certificates to trust instead of certifi's.
        timeouts: the bounds.
    """
    target = CurlTarget(
        url,
        build_head(token),
        timeouts,
        ca_bundle or certifi.where(),
        proxy.address if proxy else "",
        login=proxy.login if proxy else None,
    )
    lines: list[bytes] = []
    pieces: list[bytes] = []
    easy = pycurl.Curl()
    try:
        _set_up(easy, target, body, lines, pieces)
        began = time.time()
        try:
            easy.perform()
        except pycurl.error as error:
            code, message = error.args
            seen = _describe(easy, target, _find_stage(easy, target, code), clean_line(message))
            return replace(seen, began=began)
        head = find_final_head(lines)
        return replace(
            _describe(easy, target, Stage.DONE),
            began=began,
            status=int(easy.getinfo(pycurl.RESPONSE_CODE)),
            body=b"".join(pieces),
            date=_find_date(head),
        )
    finally:
        easy.close()


def _set_up(
    easy: pycurl.Curl, target: CurlTarget, body: bytes, lines: list[bytes], pieces: list[bytes]
) -> None:
    """Set the request up; `lines` takes the heads of the answers, `pieces` the body of the last."""
    for option, value in build_options(target).items():
        easy.setopt(option, value)
    easy.setopt(pycurl.OPT_CERTINFO, 1)
    easy.setopt(pycurl.POSTFIELDSIZE, len(body))
    easy.setopt(pycurl.READFUNCTION, _Reader(body))
    easy.setopt(pycurl.HEADERFUNCTION, lines.append)
    easy.setopt(pycurl.WRITEFUNCTION, _Writer(pieces))


class _Reader:
    """Hands the body over once, so that libcurl cannot send it again by itself."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __call__(self, room: int) -> bytes:
        piece, self._body = self._body[:room], self._body[room:]
        return piece


class _Writer:
    """Takes what is read of an answer."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces
        self._size = 0

    def __call__(self, piece: bytes) -> int | None:
        self._size += len(piece)
        self._pieces.append(piece)
        return 0 if self._size > LONGEST_BODY else None


_STAGES = {
    pycurl.E_COULDNT_RESOLVE_HOST: Stage.NAME,
    pycurl.E_COULDNT_RESOLVE_PROXY: Stage.NAME,
    pycurl.E_COULDNT_CONNECT: Stage.CONNECTION,
    pycurl.E_SSL_CONNECT_ERROR: Stage.ENCRYPTION,
    pycurl.E_PEER_FAILED_VERIFICATION: Stage.ENCRYPTION,
    pycurl.E_SSL_CACERT_BADFILE: Stage.ENCRYPTION,
}


def _find_stage(easy: pycurl.Curl, target: CurlTarget, code: int) -> Stage:
    """Where a request failed: by its error, or else by what was not done yet."""
    if easy.getinfo(pycurl.HTTP_CONNECTCODE) >= 300:
        return Stage.TUNNEL
    if code in _STAGES:
        return _STAGES[code]
    if not easy.getinfo(pycurl.NAMELOOKUP_TIME):
        return Stage.NAME
    if not easy.getinfo(pycurl.CONNECT_TIME):
        return Stage.CONNECTION
    encrypted = target.encrypted and not easy.getinfo(pycurl.APPCONNECT_TIME)
    return Stage.ENCRYPTION if encrypted else Stage.ANSWER


def _describe(easy: pycurl.Curl, target: CurlTarget, stage: Stage, failure: str = "") -> Probe:
    """What libcurl knows of a request that has ended."""
    return Probe(
        stage,
        failure,
        address=easy.getinfo(pycurl.PRIMARY_IP),
        name_seconds=easy.getinfo(pycurl.NAMELOOKUP_TIME),
        connect_seconds=easy.getinfo(pycurl.CONNECT_TIME),
        seconds=easy.getinfo(pycurl.TOTAL_TIME),
        expires=_read_expiry(easy) if target.encrypted else None,
    )


def _find_date(head: list[bytes]) -> str:
    dates = [line[5:].strip().decode("latin-1") for line in head if line[:5].lower() == b"date:"]
    return dates[0] if dates else ""


def _read_expiry(easy: pycurl.Curl) -> float | None:
    """When the first certificate of the chain ends; None if the library does not say."""
    for chain in easy.getinfo(pycurl.INFO_CERTINFO)[:1]:
        for name, text in chain:
            if name == "Expire date":
                try:
                    return float(ssl.cert_time_to_seconds(text))
                except ValueError:
                    return None
    return None
