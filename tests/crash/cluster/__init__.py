"""Loads on a Dask cluster of which workers, scheduler and coordinator are killed: `make crash-cluster`.

machines    the scheduler and the workers, each a process that can be killed or stopped
coordinator the command of a load, with permits of a few seconds
cluster_load  one load on the cluster, into a vendor that also fails
havoc       kills and cuts off until the load is done, holds the checker against every corpse, and counts
"""
