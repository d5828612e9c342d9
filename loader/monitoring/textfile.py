"""The file for the textfile collector of Prometheus's node exporter, written by its client library.

It is replaced as a whole, and other accounts can read it, because the exporter is one. The collector reads
`*.prom` in its folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from loader._version import __version__
from loader.monitoring.measures import MEASURES, NAMESPACE
from loader.output_files import write_shared

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from prometheus_client import Metric

    from loader.monitoring.measures import Measure, Values


class _Values(Collector):
    """Values for the client library."""

    def __init__(self, values: Values, labels: Mapping[str, str]) -> None:
        self._values = values
        self._labels = labels

    def collect(self) -> Iterable[Metric]:
        """Each measure that has a value."""
        names = list(self._labels)
        info = GaugeMetricFamily(f"{NAMESPACE}_build_info", "The version.", labels=[*names, "version"])
        info.add_metric([*self._labels.values(), __version__], 1)
        yield info
        for measure in MEASURES:
            if measure in self._values:
                yield self._family(measure, [*names, measure.label] if measure.label else names)

    def _family(self, measure: Measure, names: list[str]) -> Metric:
        kind = CounterMetricFamily if measure.grows else GaugeMetricFamily
        family = kind(measure.prometheus, measure.meaning, labels=names)
        for label, value in self._values[measure].items():
            family.add_metric([*self._labels.values(), *([label] if measure.label else [])], value)
        return family


def write_textfile(target: Path, values: Values, labels: Mapping[str, str]) -> None:
    """Write all values.

    Raises:
        OSError: the target cannot be written.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Values(values, labels))
    write_shared(target, generate_latest(registry))


def read_textfile(target: Path) -> Values:
    """What the runs before left in the file; nothing of what cannot be read."""
    try:
        families = list(text_string_to_metric_families(target.read_text("utf-8")))
    except (OSError, ValueError):
        return {}
    known = {measure.prometheus: measure for measure in MEASURES}
    return {
        known[family.name]: {sample.labels.get(known[family.name].label, ""): sample.value}
        for family in families
        if family.name in known
        for sample in family.samples
    }
