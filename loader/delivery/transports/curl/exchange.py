"""What became of one attempt on libcurl, in the loader's own terms."""

from __future__ import annotations

import pycurl

from loader.delivery.transports.contract import judge_tunnel
from loader.delivery.transports.curl.handle import Handle, find_final_head
from loader.delivery.wording import clean_line
from loader.model import Answer, Attempt, NoAnswer, NotSent, StopCode

CERTIFICATE = frozenset({pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_CACERT_BADFILE})
# No attempt with the same settings can do better.
UNUSABLE = frozenset(
    {pycurl.E_UNSUPPORTED_PROTOCOL, pycurl.E_URL_MALFORMAT, pycurl.E_NOT_BUILT_IN, pycurl.E_SSL_CERTPROBLEM}
)
# A connection that ends before the answer: the first request on it, or a later one that libcurl would repeat.
CLOSED = frozenset({pycurl.E_GOT_NOTHING, pycurl.E_SEND_FAIL_REWIND})


class Exchange(Handle[Attempt]):
    """Makes attempts, and says of each whether it was answered, not sent, or neither."""

    __slots__ = ()

    def answered(self) -> Answer:
        """The whole answer that libcurl has read."""
        head = b"".join(self.lines).lower()
        if b"retry-after" in head or b"content-encoding" in head:
            return self._answer(complete=True)
        return Answer(self.getinfo(pycurl.RESPONSE_CODE), b"".join(self.parts))

    def failed(self, code: int, message: str) -> Attempt:
        """What to make of an error of libcurl's."""
        if code in CERTIFICATE:
            return NotSent(
                f"The server's certificate is not valid: {clean_line(message)}.",
                StopCode.CERTIFICATE,
            )
        if not self.left:
            return self._explain_unsent(code, message)
        if code in CLOSED:
            return NoAnswer("the server closed the connection without an answer")
        answer = self._answer(complete=False)
        return answer if answer.status else NoAnswer(self.reason(message))

    def _explain_unsent(self, code: int, message: str) -> NotSent:
        tunnel = int(self.getinfo(pycurl.HTTP_CONNECTCODE))
        if tunnel >= 300:
            return judge_tunnel(tunnel)
        if code in UNUSABLE:
            return NotSent(f"{clean_line(message).rstrip('.')}.", StopCode.SETTINGS)
        return NotSent(self.reason(message))

    def give_up(self, reason: str) -> Attempt:
        """What to make of an attempt that is ended from this side."""
        return NoAnswer(reason) if self.left else NotSent(reason)

    def _answer(self, *, complete: bool) -> Answer:
        head = find_final_head(self.lines)
        return Answer(
            int(self.getinfo(pycurl.RESPONSE_CODE)) if head else 0,
            b"" if _is_encoded(head) else b"".join(self.parts),  # not asked for, so not unpacked
            _find_header(head, b"retry-after:"),
            complete,
        )


def _find_header(head: list[bytes], name: bytes) -> str | None:
    for line in head:
        if line[: len(name)].lower() == name:
            return line[len(name) :].strip().decode("latin-1")
    return None


def _is_encoded(head: list[bytes]) -> bool:
    return (_find_header(head, b"content-encoding:") or "identity").lower() != "identity"
