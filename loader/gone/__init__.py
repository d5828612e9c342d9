"""Keys that are gone: the ledger knows them as sent, and the input does not have them any more.

listing      compares ledger and input, and lists the keys with their ids
known        what the ledger knows of keys, by the first byte of their digests
input_keys   the keys of the input, on disk, by the same
words        what the user reads about it
"""

from loader.gone.listing import report_gone
from loader.gone.words import describe_gone

__all__ = ["describe_gone", "report_gone"]
