"""A package index on loopback, and wheels small enough to be built in a test."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass(frozen=True)
class Wheel:
    """A package without code."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    """As in its metadata: ``coverage[toml] >=1``, ``tomli; extra == 'toml'``."""
    extras: tuple[str, ...] = ()
    summary: str = "made by a test"

    @property
    def file(self) -> str:
        return f"{self.name}-{self.version}-py3-none-any.whl"

    @cached_property
    def content(self) -> bytes:
        info = f"{self.name}-{self.version}.dist-info"
        head = ["Metadata-Version: 2.1", f"Name: {self.name}", f"Version: {self.version}", f"Summary: {self.summary}"]
        head += [f"Provides-Extra: {extra}" for extra in self.extras] + [
            f"Requires-Dist: {one}" for one in self.requires
        ]
        files = {
            f"{self.name}.py": f"version = {self.version!r}\n",
            f"{info}/METADATA": "\n".join(head) + "\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        rows = [f"{path},sha256={_digest(text)},{len(text)}" for path, text in files.items()]
        files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for path, text in files.items():
                archive.writestr(zipfile.ZipInfo(path), text)
        return packed.getvalue()

    @property
    def pin(self) -> str:
        """Its lines in a lock, as `uv pip compile` writes them."""
        return f"{self.name}=={self.version} \\\n    --hash=sha256:{hashlib.sha256(self.content).hexdigest()}\n"


BACKEND = """
import pathlib, shutil

def build_wheel(folder, settings=None, metadata=None):
    (wheel,) = pathlib.Path.cwd().glob("*.whl")
    shutil.copy(wheel, folder)
    return wheel.name
"""


@dataclass(frozen=True)
class Source(Wheel):
    """A package that is published as source alone. Its build asks for setuptools."""

    @property
    def file(self) -> str:
        return f"{self.name}-{self.version}.tar.gz"

    @cached_property
    def content(self) -> bytes:
        built = Wheel(self.name, self.version)
        project = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        about = f"Metadata-Version: 2.1\nName: {self.name}\nVersion: {self.version}\n"
        files = {"pyproject.toml": project.encode(), "backend.py": BACKEND.encode(), "PKG-INFO": about.encode()}
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for path, content in {**files, built.file: built.content}.items():
                member = tarfile.TarInfo(f"{self.name}-{self.version}/{path}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return packed.getvalue()


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@dataclass
class Index:
    """Pages of PEP 503 without hashes, so that only the lock can tell a file from another of its name."""

    wheels: list[Wheel]
    asked: list[str] = field(default_factory=list)
    """The project of each page that was asked for."""
    fetched: list[str] = field(default_factory=list)
    """Each file that was asked for."""

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}/simple/"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def page(self, project: str) -> bytes | None:
        self.asked.append(project)
        links = [f'<a href="/files/{one.file}">{one.file}</a><br>' for one in self.wheels if one.name == project]
        return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode() if links else None

    def file(self, name: str) -> bytes | None:
        self.fetched.append(name)
        return next((one.content for one in self.wheels if one.file == name), None)


def _handler(index: Index) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, _, name = self.path.strip("/").partition("/")
            content = index.page(name) if kind == "simple" else index.file(name)
            self.send_response(200 if content is not None else 404)
            self.send_header("Content-Type", "text/html" if kind == "simple" else "application/octet-stream")
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content or b"")

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
