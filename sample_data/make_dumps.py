"""Make `dumps/`: three purchases as databases and warehouses write them; every person and device is made up.

Run ``python sample_data/make_dumps.py``. The tests compare those of PostgreSQL and MySQL with what real
servers write. The others follow the documentation that `docs/how-to/dumps.md` names.
"""

from __future__ import annotations

import gzip
from pathlib import Path

HERE = Path(__file__).parent / "dumps"
POSTGRES = """\
device_id,user_id,event,at,paid,note
d1,9007199254740993,purchase,2024-03-04 21:37:41.5+00,t,"say ""hi"", you"
d2,,open,2024-07-04 21:37:41+00,f,
d3,00042,purchase,2024-07-04 21:37:42+00,t,"two
lines"
"""
MYSQL = """\
device_id\tuser_id\tevent\tat\tpaid\tnote
d1\t9007199254740993\tpurchase\t2024-03-04 21:37:41.5\t1\tsay "hi", you
d2\tNULL\topen\t2024-07-04 21:37:41.0\t0\tNULL
d3\t00042\tpurchase\t2024-07-04 21:37:42.0\t1\ttwo\\nlines
"""
BIGQUERY = """\
device_id,user_id,event,at,paid,note
d1,9007199254740993,purchase,2024-03-04 21:37:41.5 UTC,true,"say ""hi"", you"
d2,,open,2024-07-04 21:37:41 UTC,false,
d3,00042,purchase,2024-07-04 21:37:42 UTC,true,"two
lines"
"""
SNOWFLAKE = """\
"DEVICE_ID","USER_ID","EVENT","AT","PAID","NOTE"
"d1","9007199254740993","purchase",2024-03-04 21:37:41.500 +0000,true,"say ""hi"", you"
"d2",\\N,"open",2024-07-04 21:37:41.000 +0000,false,\\N
"d3","00042","purchase",2024-07-04 21:37:42.000 +0000,true,"two
lines"
"""
REDSHIFT = POSTGRES
SQL_SERVER = (
    'd1\t9007199254740993\tpurchase\t2024-03-04 21:37:41.5000000 +00:00\t1\tsay "hi", you\r\n'
    "d2\t\topen\t2024-07-04 21:37:41.0000000 +00:00\t0\t\r\n"
    "d3\t00042\tpurchase\t2024-07-04 21:37:42.0000000 +00:00\t1\ttwo\nlines\r\n"
)
HIVE = (
    'd1\x019007199254740993\x01purchase\x012024-03-04 21:37:41.5\x01true\x01say "hi", you\n'
    "d2\x01\\N\x01open\x012024-07-04 21:37:41\x01false\x01\\N\n",
    "d3\x0100042\x01purchase\x012024-07-04 21:37:42\x01true\x01one line\n",
)
ATHENA = """\
"device_id","user_id","event","at","paid","note"
"d1","9007199254740993","purchase","2024-03-04 21:37:41.500 UTC","true","say ""hi"", you"
"d2",,"open","2024-07-04 21:37:41.000 UTC","false",
"d3","00042","purchase","2024-07-04 21:37:42.000 UTC","true","two
lines"
"""
FILES = {
    "postgres.csv": POSTGRES.encode(),
    "mysql.tsv": MYSQL.encode(),
    "bigquery-000000000000.csv": BIGQUERY.encode(),
    "snowflake/data_0_0_0.csv.gz": gzip.compress(SNOWFLAKE.encode(), mtime=0),
    "redshift_000": REDSHIFT.encode(),
    "sqlserver.txt": b"\xff\xfe" + SQL_SERVER.encode("utf-16-le"),
    "hive/000000_0": HIVE[0].encode(),
    "hive/000001_0": HIVE[1].encode(),
    "athena.csv": ATHENA.encode(),
}

if __name__ == "__main__":
    for name, content in FILES.items():
        (HERE / name).parent.mkdir(parents=True, exist_ok=True)
        (HERE / name).write_bytes(content)
