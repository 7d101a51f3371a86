"""A program that sets up OpenTelemetry itself and switches genmeter on where it wants: ``python examples/manual_setup.py``.

Here spans go to a list and metrics to a reader in memory; a real program gives its own exporters.
"""

from openai import OpenAI
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import genmeter

spans, metrics = InMemorySpanExporter(), InMemoryMetricReader()


def main() -> None:
    resource = Resource.create({"service.name": "manual"})
    tracer_provider = TracerProvider(resource=resource)
    tracer_provider.add_span_processor(SimpleSpanProcessor(spans))
    meter_provider = MeterProvider([metrics], resource=resource)
    genmeter.instrument(tracer_provider=tracer_provider, meter_provider=meter_provider)

    with genmeter.attribution(department="research"):
        OpenAI().responses.create(model="gpt-5.4-mini", input="Say hello.")

    for span in spans.get_finished_spans():
        print(span.name)
        for name, value in sorted((span.attributes or {}).items()):
            print(f"  {name} = {value}")
    data = metrics.get_metrics_data()
    for metric in data.resource_metrics[0].scope_metrics[0].metrics if data else ():
        print(metric.name, metric.unit)
    genmeter.uninstrument()


if __name__ == "__main__":
    main()
