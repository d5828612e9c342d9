"""Workers of a Dask cluster read, map and send the rows of one load.

In the order to read:

* `crew`: the crew of a load on a cluster, as `loader.crew` describes it.
* `parts`: which rows a worker reads, and who has them; `spread`: requests from the parts of all workers.
* `line`: the line over which the one dispatcher sends: it names a row to the worker that holds its body.
* `station`: a worker as seen from here, and the exchanges with it; `messages`: what they say.
* `sender`: the actor in a worker; `permit`: until when it may send.
* `connecting`: to a cluster that is there, or to one that is started, whose workers have `steadiness`;
  `joining`: workers come and go.

Dask brings the processes together, starts actors, carries calls and shows them. Nothing that it could run
again by itself sends a row: a lease is not a task, and a lost actor is not started again.
"""

from loader.cluster.crew import open_cluster

__all__ = ["open_cluster"]
