"""Loads that are killed until they are done, against a vendor that writes down what it takes: `make crash`.

vendor      takes requests, and notes each before it answers
load        one load: the input, the command, and a kill at a moment of its life
disturbances  what others do to its checkpoint meanwhile
campaign    kills one load until it is done, holds the checker against every corpse, and counts
cluster     the same for loads on a Dask cluster: `make crash-cluster`
"""
