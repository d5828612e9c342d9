"""A query in place of a file: its result is kept once, as Parquet, and that is the input from then on.

query       what is asked, of which tables or which database
tables      the inputs that a query names, each as a table
database    a database by its URL, without a password
result      the columns and rows of a result as Arrow; types that mean nothing here are refused
engines/    one module for each way to run a query: DuckDB, PostgreSQL, SQLite, MySQL, warehouses, SQLAlchemy
spool       the result as a Parquet file: written whole or not at all
keeping     when a query runs, and when its result is used again

Everything above this room sees a Parquet file: `retry`, `failures`, `report` and `verify` know of no query.
"""
