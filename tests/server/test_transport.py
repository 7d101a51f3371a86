"""TLS, the tokens of senders and readers, and OTLP over gRPC: the same limits at each door."""

from __future__ import annotations

import gzip
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPSConnection
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from genmeter.ledger import Ledger
from genmeter.server import Application, BodySizes, Keys, Patience, serve
from genmeter.server.otlp_grpc import GrpcServer
from genmeter.server.tls import Certificate
from tests.ledger.otlp import chat, span, traces
from tests.server.certificates import certificate
from tests.server.client import PROTOBUF, Client, served, service

BATCH = traces(span(1, chat()))
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def shown(port: int) -> str:
    """The name in the certificate that the server shows to a new connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # of this test alone: other rooms share their contexts
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), timeout=30) as raw, context.wrap_socket(raw) as secured:
        sent = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
    return str(sent.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)


def test_a_renewed_certificate_is_shown_to_the_next_connection_and_a_broken_one_is_not(tmp_path: Path) -> None:
    chain, secret = certificate(tmp_path, "first")
    (tmp_path / "token").write_text("s3cret")
    arguments = ("--tls-cert", chain, "--tls-key", secret, "--token-file", tmp_path / "token")
    with service(tmp_path, *arguments) as ledger:
        assert ledger.first_line.startswith("genmeter  https://127.0.0.1:")
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trust.load_verify_locations(chain)
        with closing(HTTPSConnection("127.0.0.1", ledger.port, context=trust, timeout=30)) as client:
            headers = {**PROTOBUF, "Authorization": "Bearer s3cret"}
            for _ in range(2):
                client.request("POST", "/v1/traces", BATCH.SerializeToString(), headers)
                answer = client.getresponse()
                assert (answer.status, answer.read()) == (200, b"")
        certificate(tmp_path, "second")
        assert shown(ledger.port) == "second"
        chain.write_text("no certificate")
        assert shown(ledger.port) == "second"
        certificate(tmp_path, "third")
        assert shown(ledger.port) == "third"
        said = ledger.stop()
        assert "the last certificate stays in force" in said and "PRIVATE" not in said


def test_no_tls_on_a_tls_port_is_cut_in_time_and_holds_up_no_other(tmp_path: Path) -> None:
    secure = Certificate(*certificate(tmp_path, "one"))
    with Ledger.open() as ledger:
        server = serve(Application(ledger), "127.0.0.1", 0, secure=secure, patience=Patience(head=0.3))
        silent = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        plain.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert shown(server.port) == "one"
        for connection in (silent, plain):
            with connection:
                try:
                    while connection.recv(1000):
                        pass
                except ConnectionError:
                    pass
        assert server.close(10)


def asked(client: Client, token: str) -> tuple[int, ...]:
    """The statuses of: sending, a report, the metrics, health."""
    headers = {"Authorization": f"Bearer {token}"}
    sent = client.post("/v1/traces", BATCH.SerializeToString(), **headers).status
    return (sent, *(client.get(path, **headers).status for path in ("/api/calls", "/metrics", "/healthz")))


def test_a_token_of_senders_reads_nothing_and_one_of_readers_writes_nothing() -> None:
    with served(Ledger.open(), token=Keys(all="all", write="write", read="read"), headless=True) as client:
        assert asked(client, "all") == (200, 200, 200, 200)
        assert asked(client, "write") == (200, 401, 401, 200)
        assert asked(client, "read") == (401, 200, 200, 200)
        assert asked(client, "") == asked(client, "other") == (401, 401, 401, 200)


def test_what_no_token_opens_is_closed() -> None:
    with served(Ledger.open(), token=Keys(write="write")) as client:
        assert asked(client, "write") == (200, 403, 403, 200)
    with served(Ledger.open(), token=Keys(read="read")) as client:
        assert asked(client, "read") == (403, 200, 200, 200)


def test_tokens_of_senders_and_readers_rotate_apart_and_without_a_restart(tmp_path: Path) -> None:
    writing, reading = tmp_path / "write", tmp_path / "read"
    writing.write_text("w1")
    reading.write_text("r1")
    with service(tmp_path, "--write-token-file", writing, "--read-token-file", reading) as ledger:
        client = ledger.client()
        assert (asked(client, "w1")[:2], asked(client, "r1")[:2]) == ((200, 401), (401, 200))
        writing.write_text("w2")
        assert (asked(client, "w1")[:2], asked(client, "w2")[:2]) == ((401, 401), (200, 401))
        assert asked(client, "r1")[:2] == (401, 200)
        assert "w2" not in ledger.stop()


@pytest.fixture
def remote() -> Iterator[tuple[Ledger, GrpcServer]]:
    with Ledger.open() as ledger:
        app = Application(ledger, token=Keys(write="s3cret"), limits=BodySizes(body=100_000))
        server = GrpcServer(app.receiver, app.keys, "127.0.0.1", 0)
        yield ledger, server
        server.close(1)


def finished() -> list:
    """Spans of a model call as the SDK gives them to an exporter."""
    kept = InMemorySpanExporter()
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(kept))
    with tracing.get_tracer("test").start_as_current_span("chat gpt-5", attributes=chat()):
        pass
    return list(kept.get_finished_spans())


def test_the_sdks_grpc_exporter_delivers_with_the_token_and_not_without(remote: tuple[Ledger, GrpcServer]) -> None:
    ledger, server = remote
    for token, packed, result in (
        ("wrong", grpc.Compression.NoCompression, SpanExportResult.FAILURE),
        ("s3cret", grpc.Compression.Gzip, SpanExportResult.SUCCESS),
        ("s3cret", grpc.Compression.NoCompression, SpanExportResult.SUCCESS),
    ):
        headers = {"authorization": f"Bearer {token}"}
        exporter = OTLPSpanExporter(server.place, insecure=True, headers=headers, compression=packed)
        assert exporter.export(finished()) is result
        exporter.shutdown()
    assert ledger.counters()["booked"] == 2


def refused(server: GrpcServer, body: bytes, **more: object) -> grpc.RpcError:
    with grpc.insecure_channel(server.place) as channel:
        with pytest.raises(grpc.RpcError) as failure:
            channel.unary_unary(EXPORT)(body, metadata=[("authorization", "Bearer s3cret")], timeout=30, **more)
    return failure.value


def test_grpc_refuses_what_http_refuses(remote: tuple[Ledger, GrpcServer]) -> None:
    _, server = remote
    damaged = refused(server, b"\xff\xff\xff\xff")
    assert damaged.code() is grpc.StatusCode.INVALID_ARGUMENT
    crowd = refused(server, b"\n\x00" * 30_000)
    assert crowd.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "smaller batches" in str(crowd.details())
    assert refused(server, b"x" * 200_000).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    # 64 MiB of zeros are 64 KiB on the wire
    bomb = refused(server, b"\0" * (64 << 20), compression=grpc.Compression.Gzip)
    assert bomb.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    with grpc.insecure_channel(server.place) as channel:
        answer = TraceServiceStub(channel).Export(BATCH, metadata=[("authorization", "Bearer s3cret")], timeout=30)
    assert answer == ExportTraceServiceResponse()


def test_a_store_that_takes_nothing_is_unavailable_over_grpc(remote: tuple[Ledger, GrpcServer]) -> None:
    ledger, server = remote
    ledger.close()
    assert refused(server, BATCH.SerializeToString()).code() is grpc.StatusCode.UNAVAILABLE


def test_serve_takes_grpc_with_tls_and_the_same_token(tmp_path: Path) -> None:
    chain, secret = certificate(tmp_path, "one")
    (tmp_path / "token").write_text("s3cret")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = ("--tls-cert", chain, "--tls-key", secret, "--token-file", tmp_path / "token", "--grpc-port", port)
    with service(tmp_path, *arguments) as ledger:
        trust = grpc.ssl_channel_credentials(chain.read_bytes())
        with grpc.secure_channel(f"127.0.0.1:{port}", trust) as channel:
            answer = TraceServiceStub(channel).Export(BATCH, metadata=[("authorization", "Bearer s3cret")], timeout=30)
            assert answer == ExportTraceServiceResponse()
        assert "drained" in ledger.stop()
    with Ledger.open(ledger.ledger) as again:
        assert again.counters()["booked"] == 1


def test_a_body_is_not_received_before_its_token_is_seen() -> None:
    with served(Ledger.open(), token="s3cret") as client:
        with socket.create_connection(("127.0.0.1", client.server.port), timeout=30) as sender:
            sender.sendall(
                b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
                b"Content-Length: 9000000\r\n\r\n"
            )
            started = time.monotonic()
            assert sender.recv(1000).startswith(b"HTTP/1.1 401 ")
            assert time.monotonic() - started < 20
        packed = gzip.compress(BATCH.SerializeToString())
        reply = client.post("/v1/traces", packed, Content_Encoding="gzip", Authorization="Bearer s3cret")
        assert reply.status == 200
