"""What the sandbox was started for: which application and tokens exist, and which behaviour is chosen."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import StrEnum

from loader.sandbox.checks import Refusal

FORBIDDEN = "Token restrictions forbid this operation"
_SCHEME = b"Token "


class HoursOf(StrEnum):
    """By which time getResults counts events; the documentation does not say."""

    TIMESTAMP = "timestamp"
    ARRIVAL = "arrival"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a call must carry beside its fields, and how the sandbox behaves if that is a choice.

    Attributes:
        application: the only application code that exists, or None for any well-formed one.
        token: the only device API token let in, or None to let any or none in.
        server_token: the only server token let in, or None to let any in.
        strict: events and attributes that createEvent did not declare are refused.
        event_limit: events that an application may have before createEvent answers 403, or None.
        argument_errors: the HTTP status of an argument error: 200 as documented, 400 as the live service.
        hours_of: by which time getResults counts.
    """

    application: str | None = None
    token: str | None = None
    server_token: str | None = None
    strict: bool = False
    event_limit: int | None = None
    argument_errors: int = 200
    hours_of: HoursOf = HoursOf.TIMESTAMP

    def admit(self, headers: dict[bytes, bytes]) -> None:
        """Refuse a caller of a method for devices whose token is not the expected one.

        Raises:
            Refusal: 403.
        """
        if self.token is None and self.server_token is None:
            return
        header = headers.get(b"authorization", b"")
        self._refuse_server_token(header)
        if self.token is not None and not is_equal(header, _SCHEME + self.token.encode()):
            raise Refusal(200, 403, FORBIDDEN)

    def admit_server(self, headers: dict[bytes, bytes], auth: str) -> None:
        """Refuse a caller of a method for servers whose `auth` is not the expected token.

        Raises:
            Refusal: 403.
        """
        self._refuse_server_token(headers.get(b"authorization", b""))
        if self.token is not None and is_equal(auth.encode(), self.token.encode()):
            raise Refusal(200, 403, FORBIDDEN)
        if self.server_token is not None and not is_equal(auth.encode(), self.server_token.encode()):
            raise Refusal(200, 403, FORBIDDEN)

    def _refuse_server_token(self, header: bytes) -> None:
        """Neither token may go where the other one belongs."""
        if self.server_token is not None and is_equal(header, _SCHEME + self.server_token.encode()):
            raise Refusal(200, 403, FORBIDDEN)


def is_equal(given: bytes, expected: bytes) -> bool:
    """Whether two secrets are equal, found out in constant time."""
    return hmac.compare_digest(given, expected)
