"""A job that cron starts every night, and a monitor that knows only what the job writes."""
