"""A trace collector that receives spans by OTLP over HTTP and stores them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector:
    """What was received; `status` is what requests are answered with."""

    url: str = ""
    status: int = 200
    requests: int = 0
    resources: list[dict[str, str]] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)

    def names(self) -> dict[str, str]:
        """The names of the spans by their ids, in hexadecimal."""
        return {span.span_id.hex(): span.name for span in self.spans}

    def receive(self, path: str, body: bytes) -> int:
        """Take a request; the status of the answer."""
        self.requests += 1
        assert path == "/v1/traces", path
        if self.status != 200:
            return self.status
        request = ExportTraceServiceRequest.FromString(body)
        for group in request.resource_spans:
            attributes = group.resource.attributes
            self.resources.append({item.key: item.value.string_value for item in attributes})
            for scope in group.scope_spans:
                self.spans += scope.spans
        return 200


def attributes_of(span: Span) -> dict[str, str | int]:
    """The attributes of a span."""
    return {
        item.key: item.value.int_value
        if item.value.HasField("int_value")
        else item.value.string_value
        for item in span.attributes
    }


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on localhost, stopped when the context exits."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(collector.receive(self.path, body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
