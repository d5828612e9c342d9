"""What a monitor reads of a load: a file for Prometheus, and OpenTelemetry if its own variables ask for it.

    measures    what is measured, each once: its name, unit and labels by the conventions of both
    state       the values at this moment
    textfile    the file for Prometheus's textfile collector, by its client library
    telemetry   traces and metrics over OTLP, an extra
    monitor     all of it for one command

No label holds an id, a token or the name of a file: their values are few, and the same every night.
"""

from loader.monitoring.monitor import Monitor, find_missing_extra

__all__ = ["Monitor", "find_missing_extra"]
