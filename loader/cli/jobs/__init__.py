"""Several loads as one job, from one file: read as a whole, run in order, told in one summary.

job_file       a file on its way to jobs; every mistake in it is reported at once
job_keys       what a job may set: the options of a load, each by its name
job            the jobs, and the order in which they run
job_requests   what the command line asks of a job: the same request as that of a single load
series         the jobs of one run, one after the other, and what became of each
"""
