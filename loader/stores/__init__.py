"""What lies elsewhere: objects of S3, Google Cloud Storage and Azure, and files on web servers.

    is_address("s3://exports/2024.csv")     whether a name is an address and not a path
    find_object("s3://exports/2024.csv")    one object, to be read by ranges
    list_folder("s3://exports/2024")        the objects below a folder
    open_output("s3://exports/out.csv")     an object that is written as a whole or not at all

Object stores are read through `pyarrow.fs`, web servers through requests. Credentials and endpoints come from
where each ecosystem keeps them; the loader has no settings of its own for them. What an address holds of
secrets is hidden as soon as it is read (`hide_secrets`), and known only to this package from then on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.late_imports import import_on_use

if TYPE_CHECKING:
    from loader.stores.address import (
        Address,
        as_place,
        find_hidden,
        hide_secrets,
        is_address,
        learn_hidden,
    )
    from loader.stores.finding import (
        exists,
        find_object,
        has_pattern,
        is_folder,
        list_folder,
        match_pattern,
    )
    from loader.stores.output import open_output, refuse_existing, refuse_unwritable
    from loader.stores.stored import Seen, Stored
    from loader.stores.whole import read_whole

__all__ = [
    "Address",
    "Seen",
    "Stored",
    "as_place",
    "exists",
    "find_hidden",
    "find_object",
    "has_pattern",
    "hide_secrets",
    "is_address",
    "is_folder",
    "learn_hidden",
    "list_folder",
    "match_pattern",
    "open_output",
    "read_whole",
    "refuse_existing",
    "refuse_unwritable",
]

__getattr__ = import_on_use(
    __name__,
    {
        ".address": "Address as_place find_hidden hide_secrets is_address learn_hidden",
        ".finding": "exists find_object has_pattern is_folder list_folder match_pattern",
        ".output": "open_output refuse_existing refuse_unwritable",
        ".stored": "Seen Stored",
        ".whole": "read_whole",
    },
)
