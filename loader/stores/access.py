"""The file systems of pyarrow for object stores, with what each ecosystem keeps in the environment.

What pyarrow's own libraries find by themselves is left to them: keys, profiles and roles of AWS, Google's
application default credentials, Azure's logins. Here is only what they do not read although the ecosystem's
other tools do.
"""

from __future__ import annotations

import os
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loader.errors import ConfigError
from loader.stores.address import find_s3_endpoint

if TYPE_CHECKING:
    from pyarrow.fs import AzureFileSystem, FileSystem, GcsFileSystem, S3FileSystem

    from loader.stores.address import Address

# Tries of one request, if AWS_MAX_ATTEMPTS does not say another number: about 20 seconds in all.
_ATTEMPTS = 6
_CONNECT_SECONDS, _READ_SECONDS = 10, 60
_GCS_RETRY = timedelta(seconds=20)


def open_file_system(address: Address) -> FileSystem:
    """The file system that has an address.

    Raises:
        ConfigError: the environment does not say which account is meant.
    """
    if address.scheme == "s3":
        return open_s3(address.place)
    return open_gcs() if address.scheme == "gs" else open_azure()


@cache
def open_s3(bucket: str) -> S3FileSystem:
    """S3, or a store that speaks its protocol, in the region of a bucket."""
    from pyarrow import fs  # noqa: PLC0415 - few loads need it, and it takes long

    endpoint = find_s3_endpoint()
    return fs.S3FileSystem(
        endpoint_override=endpoint,
        region=None if endpoint else _find_region(bucket),
        connect_timeout=_CONNECT_SECONDS,
        request_timeout=_READ_SECONDS,
        proxy_options=_find_proxy(endpoint or "https://s3.amazonaws.com"),
        tls_ca_file_path=os.environ.get("AWS_CA_BUNDLE") or None,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=_count_attempts()),
        allow_delayed_open=False,
        background_writes=True,
    )


def _count_attempts() -> int:
    said = os.environ.get("AWS_MAX_ATTEMPTS", "")
    return max(int(said), 1) if said.isdigit() else _ATTEMPTS


def _find_region(bucket: str) -> str | None:
    """The region in which Amazon has a bucket; None for that of the environment."""
    from pyarrow import fs  # noqa: PLC0415 - few loads need it, and it takes long

    try:
        region: str = fs.resolve_s3_region(bucket)
    except OSError:  # the first look at an object says what is wrong
        return None
    return region


def _find_proxy(endpoint: str) -> str | None:
    """The proxy of the environment, which Amazon's C++ library does not look for."""
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - few loads need it, and it takes long

    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    return None if proxy_bypass(host) else getproxies().get(parts.scheme)


@cache
def open_gcs() -> GcsFileSystem:
    """Google Cloud Storage, or the emulator that STORAGE_EMULATOR_HOST names."""
    from pyarrow import fs  # noqa: PLC0415 - few loads need it, and it takes long

    emulator = os.environ.get("STORAGE_EMULATOR_HOST")
    if not emulator:
        return fs.GcsFileSystem(retry_time_limit=_GCS_RETRY)
    parts = urlsplit(emulator if "://" in emulator else f"http://{emulator}")
    return fs.GcsFileSystem(
        anonymous=True, scheme=parts.scheme, endpoint_override=parts.netloc, retry_time_limit=_GCS_RETRY
    )


@cache
def open_azure() -> AzureFileSystem:
    """Azure Blob Storage: the account that the variables of Azure's own tools name.

    Raises:
        ConfigError: none names one.
    """
    from pyarrow import fs  # noqa: PLC0415 - few loads need it, and it takes long

    said = _read_connection(os.environ.get("AZURE_STORAGE_CONNECTION_STRING", ""))
    account = said.get("AccountName") or _first("AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_NAME")
    if not account:
        raise ConfigError(
            "az:// names a container, and which account has it is not known. Set "
            "AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT."
        )
    key = said.get("AccountKey") or _first("AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCOUNT_KEY")
    sas = said.get("SharedAccessSignature") or _first("AZURE_STORAGE_SAS_TOKEN")
    return fs.AzureFileSystem(
        account_name=account,
        account_key=key,
        sas_token=None if key else sas,
        **_read_endpoint(said.get("BlobEndpoint", ""), account),
    )


def _read_endpoint(endpoint: str, account: str) -> dict[str, str]:
    """Where a connection string says that an account is; nothing if it is Microsoft's usual place."""
    parts = urlsplit(endpoint)
    if not parts.netloc or parts.netloc == f"{account}.blob.core.windows.net":
        return {}
    return {
        "blob_storage_authority": parts.netloc,
        "dfs_storage_authority": parts.netloc,
        "blob_storage_scheme": parts.scheme,
        "dfs_storage_scheme": parts.scheme,
    }


def _read_connection(text: str) -> dict[str, str]:
    """The parts of a connection string of Azure: ``AccountName=...;AccountKey=...``."""
    return {
        key.strip(): value for key, found, value in (part.partition("=") for part in text.split(";")) if found
    }


def _first(*variables: str) -> str | None:
    return next((value for name in variables if (value := os.environ.get(name))), None)
