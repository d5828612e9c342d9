"""The page of the sandbox: what arrived, live, as HTML, as JSON under `/api/`, and as CSV or Parquet.

Calls come first, so the process that takes them draws nothing. `front` is all that runs in it: it hands each
request for the page to a child process, and copies the answer. In the child:

* `reading`: a connection that only reads the store.
* `following`, `tallies`, `marks`: what the child counts and indexes of the logs, slice by slice, in memory
  and in a temporary file of its own, so that the writer keeps no index for the page and no log is read again.
* `state`: all of these together.
* `live`, `timeline`, `catalogue`, `people`, `oddities`: what a view shows, as records.
* `routes`: which address shows which record, as a page and as JSON. `html`, `drawings`: the page.
* `tables`, `downloads`: whole tables.

`front.Page` is what the sandbox mounts.
"""
