"""The servers that are built (programs, lock, flags, sources), and the packages that are fetched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
COLLECTOR = ROOT / "collector-config" / "otelcol"
PROCESSOR = ROOT / "src" / "genaicostprocessor"
STRIPPED = "-s -w"


@dataclass(frozen=True)
class Server:
    """One lock and the programs that come out of it; the first program is the server itself."""

    name: str
    programs: tuple[str, ...]
    lock: Path
    flags: tuple[str, ...]
    package: str = "tool"
    """What `go build` is asked for: the tools that the lock names, or ``.`` for sources beside it."""
    manifest: str = ""
    """The file for the collector's builder, which writes the sources beside the lock; empty where there is none."""
    local: tuple[Path, ...] = ()
    """Folders outside the lock whose Go module is built in."""

    def files(self) -> Iterator[Path]:
        """Every file that the result depends on, in a fixed order."""
        names = ("go.mod", "go.sum", self.manifest) if self.manifest else ("go.mod", "go.sum")
        yield from (self.lock / name for name in names)
        for folder in self.local:
            yield from _compiled(folder)

    def modules(self) -> list[Path]:
        """Every go.mod of ours in it: the highest of their `go` lines is the toolchain that is needed."""
        return [self.lock / "go.mod", *(folder / "go.mod" for folder in self.local)]


@dataclass(frozen=True)
class Package:
    """A package of Debian 12: the oldest release of a server that we support."""

    name: str
    package: str
    version: str
    """What its version begins with."""
    programs: tuple[str, ...]
    data: str = ""
    """A folder that the program has built in, in which it finds its data; the first of `programs` then starts it."""


def _compiled(folder: Path) -> Iterator[Path]:
    """The files of a module that the compiler may see: no tests, their data, pages, nor modules inside it."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_")) or path.name == "testdata":
            continue
        if path.is_dir():
            if not (path / "go.mod").exists():
                yield from _compiled(path)
        elif not path.name.endswith(("_test.go", ".md")):
            yield path


def _linked(flag: str = "", *, tags: str = "") -> tuple[str, ...]:
    linker = f"{STRIPPED} -X {flag}" if flag else STRIPPED
    return (*(("-tags", tags) if tags else ()), "-ldflags", linker)


BUILDER = Server("builder", ("builder",), HERE / "builder", _linked())
SERVERS = {
    server.name: server
    for server in (
        Server(
            "otelcol",
            ("otelcol-genmeter",),
            COLLECTOR,
            _linked(),
            package=".",
            manifest="builder.yaml",
            local=(PROCESSOR,),
        ),
        Server(
            "prometheus",
            ("prometheus", "promtool"),
            HERE / "prometheus",
            # Without service discovery in clouds, which is two thirds of it; file_sd goes with it.
            _linked("github.com/prometheus/common/version.Version=3.15.0", tags="remove_all_sd"),
        ),
        Server(
            "alertmanager",
            ("alertmanager", "amtool"),
            HERE / "alertmanager",
            _linked("github.com/prometheus/common/version.Version=0.31.1"),
        ),
        Server(
            "jaeger",
            ("jaeger",),
            HERE / "jaeger",
            _linked("github.com/jaegertracing/jaeger/internal/version.latestVersion=v2.13.0"),
        ),
        Server(
            "loki",
            ("loki",),
            HERE / "loki",
            _linked("github.com/grafana/loki/v3/pkg/util/build.Version=3.7.8"),
        ),
        # No servers: what reads our Kubernetes manifests, and as `cmd` the Compose Specification's own loader.
        Server("manifests", ("kustomize", "cmd"), HERE / "manifests", _linked()),
    )
}
PACKAGES = {
    package.name: package
    for package in (
        Package("prometheus-old", "prometheus", "2.42.", ("prometheus", "promtool")),
        Package(
            "alertmanager-old",
            "prometheus-alertmanager",
            "0.25.",
            ("alertmanager", "amtool"),
            data="/usr/share/prometheus/alertmanager",
        ),
    )
}
