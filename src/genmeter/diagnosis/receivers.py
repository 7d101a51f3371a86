"""Where telemetry goes, and whether an OTLP receiver answers there: one empty request to each address."""

from __future__ import annotations

import http.client
import socket
import ssl
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from genmeter.credentials import scrub
from genmeter.diagnosis.finding import Finding
from genmeter.settings import EXPORT

TIMEOUT: Final = 3.0
SIGNALS: Final = ("traces", "metrics", "logs")
_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_GRPC, _HTTP = "grpc", "http/protobuf"
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + struct.pack(">IBI", 0x04, 0, 0)
"""How an HTTP/2 client begins: the preface, and an empty frame of settings (length 0, type 4, no flags, stream 0)."""
_SETTINGS: Final = 4


class Receiver(NamedTuple):
    """An address that gets ``signal``, and the protocol that is spoken to it: ``grpc`` or ``http/protobuf``.

    ``named_by`` is the variable, or the process, that says so. ``headers`` go with each request.
    """

    signal: str
    url: str
    protocol: str
    named_by: str
    headers: tuple[tuple[str, str], ...] = ()


def from_environment(environ: Mapping[str, str]) -> list[Receiver]:
    """The receivers that OpenTelemetry's variables name, and the one of ``GENMETER_EXPORT``.

    >>> from_environment({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"})[0].url
    'http://collector:4318/v1/traces'
    """
    found = [one for signal in SIGNALS if (one := _receiver(signal, environ)) is not None]
    copy = environ.get(EXPORT, "").strip().rstrip("/")
    if copy:
        address = "http://127.0.0.1:4318" if copy == "dev" else copy
        found.append(Receiver("logs", f"{address}/v1/logs", _HTTP, EXPORT))
    return found


def _receiver(signal: str, environ: Mapping[str, str]) -> Receiver | None:
    exporter = f"OTEL_{signal.upper()}_EXPORTER"
    if "otlp" not in [one.strip() for one in (environ.get(exporter) or "otlp").split(",")]:
        return None
    own = f"OTEL_EXPORTER_OTLP_{signal.upper()}"
    named_by = next((name for name in (f"{own}_ENDPOINT", _ENDPOINT) if environ.get(name)), "")
    protocol = environ.get(f"{own}_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or _HTTP
    if not named_by and not environ.get(exporter):
        return None
    default = "http://localhost:4317" if protocol == _GRPC else "http://localhost:4318"
    url = environ.get(named_by, default).strip()
    if protocol != _GRPC and named_by != f"{own}_ENDPOINT":
        url = f"{url.rstrip('/')}/v1/{signal}"
    if "://" not in url:
        url = f"http://{url}"
    headers = environ.get(f"{own}_HEADERS") or environ.get("OTEL_EXPORTER_OTLP_HEADERS") or ""
    pairs = [pair.partition("=") for pair in headers.split(",") if "=" in pair]
    return Receiver(
        signal,
        url,
        protocol,
        named_by or exporter,
        tuple((unquote(name.strip()), unquote(value.strip())) for name, _, value in pairs),
    )


def findings(receivers: Iterable[Receiver], environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether each receiver answers, and what the variables switch off. Of two for one address and signal, the first counts."""
    receivers = list({(one.url, one.signal): one for one in reversed(list(receivers))}.values())[::-1]
    told: dict[tuple[str, str, str, str], list[str]] = {}
    for one in receivers:
        place = one.url.removesuffix(f"/v1/{one.signal}")
        told.setdefault((place, one.protocol, one.named_by, _ask(one)), []).append(one.signal)
    for (place, protocol, named_by, said), signals in told.items():
        shown = f"{', '.join(signals)} to {scrub(place)} ({protocol}, {named_by})"
        text, _, remedy = said.partition(" | ")
        if said:
            remedy = remedy or "start the receiver, or correct the address"
            yield Finding("fault", "receiver", f"{shown}: {text}", remedy)
        else:
            yield Finding("fine", "receiver", f"{shown}: the receiver takes it")
    yield from _switched_off(receivers, environ)


def _switched_off(receivers: list[Receiver], environ: Mapping[str, str]) -> Iterator[Finding]:
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        yield Finding(
            "fault",
            "sdk_disabled",
            "OTEL_SDK_DISABLED=true switches all of OpenTelemetry off, and genmeter with it",
            "unset OTEL_SDK_DISABLED",
        )
    disabled = {name.strip() for name in environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")}
    if disabled & {"genmeter", "*"}:
        yield Finding(
            "fault",
            "instrumentation_disabled",
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS switches genmeter off",
            "remove genmeter (or *) from the list",
        )
    sampler = environ.get("OTEL_TRACES_SAMPLER", "")
    events = any(one.signal == "logs" for one in receivers)
    if sampler and not sampler.endswith("always_on") and not events:
        yield Finding(
            "fault",
            "sampled_money",
            f"OTEL_TRACES_SAMPLER={sampler} leaves spans out and no event goes anywhere, so their calls are in no ledger",
            f"send the events too: OTEL_LOGS_EXPORTER=otlp, or {EXPORT}=the address of the ledger",
        )
    if not receivers:
        yield Finding(
            "warning",
            "no_receiver",
            "no variable says where telemetry goes: calls reach only `genmeter run`, and what the application sets up itself",
            "set OTEL_EXPORTER_OTLP_ENDPOINT, or start `genmeter dev` and set GENMETER_EXPORT=dev",
        )


def _ask(receiver: Receiver) -> str:
    """What is wrong at the address, and behind " | " what to do; empty where all is well."""
    parts = urlsplit(receiver.url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 4317 if receiver.protocol == _GRPC else 80)
    except ValueError as error:
        return f"{error} | write the address as http://host:port"
    if not parts.hostname or parts.scheme not in ("http", "https"):
        return "that is no address | write it as http://host:port"
    if receiver.protocol not in (_GRPC, _HTTP):
        return f"the protocol {receiver.protocol} is none that Python's exporters speak | write http/protobuf or grpc"
    try:
        if receiver.protocol == _GRPC:
            return _ask_grpc(parts.hostname, port, parts.scheme == "https")
        return _ask_http(parts.hostname, port, parts.scheme == "https", parts.path or "/", receiver)
    except ssl.SSLError as error:
        return f"no TLS: {error.reason or error} | check http:// against https://, and the certificate"
    except OSError as error:
        return f"no answer ({error.strerror or error})"


def _ask_http(host: str, port: int, secure: bool, path: str, receiver: Receiver) -> str:
    """Send an empty export request, which every receiver takes and which holds nothing."""
    headers = {**dict(receiver.headers), "Content-Type": "application/x-protobuf"}
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(host, port, timeout=TIMEOUT)
    try:
        connection.request("POST", path, body=b"", headers=headers)
        status = connection.getresponse().status
    except (http.client.HTTPException, ConnectionResetError, TimeoutError):
        if not secure and _ask_grpc(host, port, secure) == "":
            return "a gRPC receiver answers there | set OTEL_EXPORTER_OTLP_PROTOCOL=grpc, or take its HTTP port, mostly 4318"
        return "what answers there is no HTTP server | check the port"
    finally:
        connection.close()
    if status in (401, 403):
        return f"it refuses the request (HTTP {status}) | give it the key in OTEL_EXPORTER_OTLP_HEADERS"
    if status == 404:
        return "it has no such path (HTTP 404) | take the address of an OTLP receiver, without /v1/..."
    return "" if status < 300 else f"it answers HTTP {status}"


def _ask_grpc(host: str, port: int, secure: bool) -> str:
    """Begin HTTP/2 as a gRPC client does, and read the first frame: a receiver sends its settings."""
    with socket.create_connection((host, port), TIMEOUT) as plain:
        plain.settimeout(TIMEOUT)
        if secure:
            context = ssl.create_default_context()
            context.set_alpn_protocols(["h2"])
            with context.wrap_socket(plain, server_hostname=host) as wrapped:
                answer = _first_frame(wrapped)
        else:
            answer = _first_frame(plain)
    if len(answer) > 3 and answer[3] == _SETTINGS and not answer.startswith(b"HTTP"):
        return ""
    return "no gRPC receiver answers there | set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf, or take its gRPC port, mostly 4317"


def _first_frame(connection: socket.socket) -> bytes:
    connection.sendall(_PREFACE)
    try:
        return connection.recv(9)
    except TimeoutError:
        return b""
