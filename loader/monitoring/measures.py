"""What is measured: each measure once, with its names by the conventions of Prometheus and OpenTelemetry.

Prometheus wants base units and plural forms in the name, and `_total` behind what only grows. OpenTelemetry
wants dots between the parts of a name, and the unit beside it, in UCUM; what is counted stands in braces.
Sources: prometheus.io/docs/practices/naming, opentelemetry.io/docs/specs/semconv/general/metrics.
"""

from __future__ import annotations

from dataclasses import dataclass

NAMESPACE = "pushwoosh_loader"
_WORDS = {"s": "seconds"}


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure.

    Attributes:
        name: without namespace, unit and suffix.
        unit: as OpenTelemetry writes it; one in braces is not in Prometheus's name.
        meaning: for people.
        label: what its values are told apart by, or "".
        grows: whether it only ever grows in one run.
    """

    name: str
    unit: str
    meaning: str
    label: str = ""
    grows: bool = False

    @property
    def prometheus(self) -> str:
        """The name for Prometheus, without the `_total` that its library adds."""
        return "_".join(filter(None, (NAMESPACE, self.name, _WORDS.get(self.unit, ""))))

    @property
    def opentelemetry(self) -> str:
        """The name for OpenTelemetry."""
        return f"{NAMESPACE}.{self.name}"


ROWS = Measure("rows", "{row}", "Rows of the input by what became of them, over all runs.", "outcome")
GOAL = Measure("goal_rows", "{row}", "Rows that will be settled when this run is done.")
SPEED = Measure("rows_per_second", "{row}/s", "Rows settled a second, over the last ten seconds.")
REQUESTS = Measure("requests", "{request}", "Requests sent in this run.", grows=True)
ANSWERS = Measure(
    "answers", "{answer}", "Answers of this run by the class of their HTTP status.", "class", grows=True
)
IN_FLIGHT = Measure("requests_in_flight", "{request}", "Requests on the wire.")
WINDOW = Measure("requests_in_flight_limit", "{request}", "How many requests may be on the wire.")
WAITED = Measure(
    "waited", "s", "Time of this run in which nothing could be sent, by the reason.", "reason", grows=True
)
WAIT_LEFT = Measure("wait_left", "s", "For how much longer nothing can be sent, by the reason.", "reason")
RUNNING = Measure("running", "1", "1 while the command runs, 0 when it has ended.")
STARTED = Measure("start_timestamp", "s", "When the latest run began, in Unix time.")
ENDED = Measure("end_timestamp", "s", "When the latest run ended, in Unix time; 0 while it runs.")
SUCCESS = Measure("last_success_timestamp", "s", "When a run last ended with exit code 0, in Unix time.")
EXIT_CODE = Measure("exit_code", "1", "The exit code of the latest run that has ended.")

MEASURES = (
    *(ROWS, GOAL, SPEED, REQUESTS, ANSWERS, IN_FLIGHT, WINDOW, WAITED, WAIT_LEFT),
    *(RUNNING, STARTED, ENDED, SUCCESS, EXIT_CODE),
)

OUTCOMES = ("confirmed", "rejected", "in_doubt", "never_sent", "left_out", "in_flight")
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")

# By the values of a label; a measure without a label has one value, under "".
Values = dict[Measure, dict[str, float]]
