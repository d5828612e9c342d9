"""The Python interface, as thin over `pipeline`, `resolution` and `retries` as the command line is.

    calls        load_users, load_events, check_users, check_events
    decisions    resolve, retry
    options      their keywords -> Settings        signatures   the keywords, shown in a notebook
    given        what a caller gives to load: paths or a table, and the index of its rows
    results      LoadResult, CheckResult
    fates        the state of every row; the failed ones beside their source columns
    checkpoint   Checkpoint, for a look        mapping   Mapping, built in Python        sandbox   Sandbox
    spelling     errors in Python's words
    words, page, check_page  what they say of themselves, as text and as HTML

Imported through `loader` itself, on first use. Nothing here is known to the command line, nor the other way.
"""
