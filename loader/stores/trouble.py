"""What went wrong at a store: its codes and statuses, sorted by what the user can do, and said so.

pyarrow tells of a failure only in a text. The codes in it are those of the store and of its library, which
are part of their interfaces; no words between them are read.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from enum import Enum, auto
from typing import TYPE_CHECKING

from loader.errors import SourceError, SourceMissing, StoreAway
from loader.stores.address import STORES, find_s3_endpoint, hide_secrets
from loader.text.escape import join_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.stores.address import Address


class Trouble(Enum):
    """What the user can do about a failure."""

    MISSING = auto()
    NO_BUCKET = auto()
    DENIED = auto()
    EXPIRED = auto()
    ELSEWHERE = auto()
    AWAY = auto()
    OTHER = auto()


# Of S3 (docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html), as it has them and as its C++ library
# writes them; of Google's C++ library (google/cloud/status.h); of Azure Blob Storage
# (learn.microsoft.com/rest/api/storageservices/blob-service-error-codes).
_CODES: dict[Trouble, frozenset[str]] = {
    Trouble.NO_BUCKET: frozenset({"NO_SUCH_BUCKET", "NoSuchBucket", "ContainerNotFound"}),
    Trouble.MISSING: frozenset(
        {"NO_SUCH_KEY", "NoSuchKey", "RESOURCE_NOT_FOUND", "NOT_FOUND", "BlobNotFound", "ResourceNotFound"}
    ),
    Trouble.EXPIRED: frozenset(
        {"ExpiredToken", "EXPIRED_TOKEN", "TokenRefreshRequired", "RequestTimeTooSkewed"}
    ),
    Trouble.DENIED: frozenset(
        {
            "ACCESS_DENIED", "AccessDenied", "INVALID_ACCESS_KEY_ID", "InvalidAccessKeyId", "InvalidToken",
            "SIGNATURE_DOES_NOT_MATCH", "SignatureDoesNotMatch", "INVALID_CLIENT_TOKEN_ID",
            "MISSING_AUTHENTICATION_TOKEN", "UNRECOGNIZED_CLIENT", "PERMISSION_DENIED", "UNAUTHENTICATED",
            "AuthenticationFailed", "AuthorizationFailure", "AuthorizationPermissionMismatch",
            "PublicAccessNotPermitted", "NoAuthenticationInformation", "InvalidAuthenticationInfo",
        }
    ),
    Trouble.ELSEWHERE: frozenset(
        {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
    ),
    Trouble.AWAY: frozenset(
        {
            "NETWORK_CONNECTION", "SLOW_DOWN", "SlowDown", "THROTTLING", "SERVICE_UNAVAILABLE",
            "InternalError",
            "INTERNAL_FAILURE", "ServiceUnavailable", "REQUEST_TIMEOUT", "RequestTimeout", "UNAVAILABLE",
            "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "INTERNAL", "ServerBusy", "OperationTimedOut",
        }
    ),
}  # fmt: skip
_STATUSES = {
    Trouble.ELSEWHERE: {301, 307, 308},
    Trouble.DENIED: {401, 403},
    Trouble.MISSING: {404, 410},
    Trouble.AWAY: {408, 429, 500, 502, 503, 504},
}
_CODE = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b|\b(?:[A-Z][a-z]+){2,}\b|\bUN[A-Z]+\b|\bINTERNAL\b")
_STATUS = re.compile(r"(?:HTTP status |http_status_code=|status code[: ]+|HTTP/1.1 )(\d{3})")
_CURL = re.compile(r"curlCode: \d+|CURL error|Couldn't|Could not (?:resolve|connect)|Fail(?:ed|ure) to")


def sort_failure(failure: BaseException) -> Trouble:
    """What the user can do about a failure that pyarrow raised."""
    if isinstance(failure, FileNotFoundError):
        return Trouble.MISSING
    text = str(failure)
    codes = set(_CODE.findall(text))
    for trouble, known in _CODES.items():
        if codes & known:
            return trouble
    return sort_status(int(found[1])) if (found := _STATUS.search(text)) else _sort_unknown(text)


def _sort_unknown(text: str) -> Trouble:
    return Trouble.AWAY if _CURL.search(text) else Trouble.OTHER


def sort_status(status: int) -> Trouble:
    """What the user can do about an HTTP status."""
    return next((trouble for trouble, known in _STATUSES.items() if status in known), Trouble.OTHER)


def explain(address: Address, failure: BaseException) -> SourceError:
    """The error for a failure that pyarrow raised."""
    return describe(address, sort_failure(failure), shorten(failure))


@contextmanager
def explain_failures(address: Address) -> Iterator[None]:
    """Turn what pyarrow raises within into the error for the user."""
    import pyarrow as pa  # noqa: PLC0415 - `--help` must start without it

    try:
        yield
    except (OSError, ValueError, pa.ArrowException) as failure:  # a ValueError for a key with an empty part
        raise explain(address, failure) from None


def describe(address: Address, trouble: Trouble, why: str) -> SourceError:
    """The error for a kind of failure.

    Args:
        address: what was asked for.
        trouble: the kind.
        why: what the store or its library says, without secrets.
    """
    sentence = _SENTENCES[trouble].format(
        name=address.name,
        place=f"{_name_holder(address)} {address.place}",
        thing="file" if address.is_web else "object",
        store=_name_store(address),
        why=f" ({why})" if why else "",
        access=advise_access(address),
        region=_advise_region(address),
    )
    if address.is_web and trouble is Trouble.MISSING and "*" in address.name:
        sentence += " A web server lists nothing, so a pattern has no meaning there."
    return _KINDS.get(trouble, SourceError)(sentence)


_KINDS: dict[Trouble, type[SourceError]] = {
    Trouble.MISSING: SourceMissing,
    Trouble.NO_BUCKET: SourceMissing,
    Trouble.AWAY: StoreAway,
}
_SENTENCES = {
    Trouble.MISSING: "{name}: there is no such {thing}.",
    Trouble.NO_BUCKET: "{name}: {place} does not exist. Is the name right, and the account?",
    Trouble.DENIED: "{name}: {place} does not let it be read{why}. {access}",
    Trouble.EXPIRED: (
        "{name}: the credentials for {place} have expired{why}. Get new ones, and run the command again."
    ),
    Trouble.ELSEWHERE: "{name}: {place} lies elsewhere{why}. {region}",
    Trouble.AWAY: (
        "{name}: {store} does not answer as it should{why}, also after several tries. Run the same command "
        "again later: a load continues where it ended."
    ),
    Trouble.OTHER: "{name}: cannot be read{why}.",
}


def _name_holder(address: Address) -> str:
    if address.is_web:
        return "the server"
    return "the container" if address.scheme == "az" else "the bucket"


def _name_store(address: Address) -> str:
    if address.is_web:
        return f"the server {address.place}"
    endpoint = find_s3_endpoint() if address.scheme == "s3" else None
    return STORES[address.scheme] if endpoint is None else f"the S3 store at {hide_secrets(endpoint)}"


_WAYS = {
    "s3": (
        "Credentials are found as the AWS tools find them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a "
        "profile (AWS_PROFILE) in ~/.aws, or the role of this machine. Is one of them set, and may it use "
        "the bucket? `aws s3 ls` in the same environment shows it. For another store than Amazon's, set "
        "AWS_ENDPOINT_URL."
    ),
    "gs": (
        "Credentials are Google's application default credentials: GOOGLE_APPLICATION_CREDENTIALS, or "
        "`gcloud auth application-default login`, or the service account of this machine. Is one of them "
        "set, and may it use the bucket?"
    ),
    "az": (
        "Credentials are found as the Azure tools find them: AZURE_STORAGE_CONNECTION_STRING, or "
        "AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN, or a login (`az login`, a "
        "managed identity). Is one of them set, and may it use the container?"
    ),
}


def advise_access(address: Address) -> str:
    """What to do if a store refuses."""
    if address.is_web:
        return (
            "If the address is signed, it may have expired: get a new one. A user name and a password can be "
            "in ~/.netrc."
        )
    return _WAYS[address.scheme]


def _advise_region(address: Address) -> str:
    if address.scheme == "s3":
        return "Set AWS_REGION to the region of the bucket, and AWS_ENDPOINT_URL if it is not Amazon's."
    return "Check the endpoint in the environment."


_NOISE = re.compile(
    r"^When .*?: (?=AWS Error)|\(Request ID: [^)]*\)|Detail: .*|error_info=.*|\s+$"
    r"|(?:X-Amz-|x-amz-)\S+|\S+[?&]\S+=\S+"
)
_LONGEST = 300


def shorten(failure: BaseException) -> str:
    """What a library says of a failure, in one line, without what could be a secret."""
    text = join_lines(_NOISE.sub("", str(failure))).strip(" .;,(")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
