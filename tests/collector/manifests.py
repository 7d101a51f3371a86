"""The Kubernetes manifests as data: what kustomization.yaml lists, and the ConfigMaps that it makes of our files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from tests.collector.files import CONFIG, read

WORKLOADS = ("otelcol", "ledger")
MOST_BYTES = 1_048_576
"""Of a ConfigMap: the API server refuses more."""
SCHEMA = json.loads((Path(__file__).parent / "kubernetes.json").read_text(encoding="utf-8"))
"""Of the oldest Kubernetes that the manifests are for; .ci/kubernetes.py writes it."""


class Manifests:
    """Everything in it may be changed by a test, to see that a mistake is found."""

    def __init__(self) -> None:
        self.kustomization: dict[str, Any] = read(CONFIG / "kustomization.yaml")
        self.objects = [one for file in self.kustomization["resources"] for one in _documents(file)]
        self.monitors = _documents("kubernetes/servicemonitor.yaml")

    def kind(self, kind: str) -> dict[str, dict[str, Any]]:
        """The objects of one kind, by name."""
        return {one["metadata"]["name"]: one for one in self.objects if one["kind"] == kind}

    def pod(self, workload: str) -> dict[str, Any]:
        """What runs in a workload's pods."""
        return self.kind("StatefulSet")[workload]["spec"]["template"]["spec"]

    def container(self, workload: str) -> dict[str, Any]:
        """The one container of a workload's pods."""
        (one,) = self.pod(workload)["containers"]
        return one

    def pods(self) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
        """(workload, pod, container) of each."""
        for name in self.kind("StatefulSet"):
            yield name, self.pod(name), self.container(name)

    def environment(self, workload: str) -> dict[str, str | None]:
        """The container's variables; None where the cluster says the value."""
        made = self.container(workload)
        found: dict[str, str | None] = {}
        for one in made.get("envFrom", ()):
            found |= self.generated()[one["configMapRef"]["name"]]
        return found | {one["name"]: one.get("value") for one in made.get("env", ())}

    def generated(self) -> dict[str, dict[str, str]]:
        """Each ConfigMap that is made: its keys, with the path of the file or the value."""
        made: dict[str, dict[str, str]] = {}
        for one in self.kustomization["configMapGenerator"]:
            files = {path.rpartition("/")[2]: path for path in one.get("files", ())}
            made[one["name"]] = files | dict(literal.split("=", 1) for literal in one.get("literals", ()))
        return made

    def mounted(self, workload: str) -> dict[str, str]:
        """Each file that a container finds, and what it is: ``ConfigMap/KEY`` or ``Secret NAME/KEY``."""
        volumes = {volume["name"]: volume for volume in self.pod(workload)["volumes"]}
        found: dict[str, str] = {}
        for mount in self.container(workload)["volumeMounts"]:
            volume, place = volumes.get(mount["name"], {}), mount["mountPath"]
            for key in self.generated().get(volume.get("configMap", {}).get("name"), ()):
                found[f"{place}/{key}"] = f"{volume['configMap']['name']}/{key}"
            for item in volume.get("secret", {}).get("items", ()):
                found[f"{place}/{item['path']}"] = f"Secret {volume['secret']['secretName']}/{item['key']}"
        return found

    def claims(self, workload: str) -> dict[str, int]:
        """Where the volumes that outlive a pod are mounted, and their GiB."""
        sizes = {
            claim["metadata"]["name"]: claim["spec"]["resources"]["requests"]["storage"]
            for claim in self.kind("StatefulSet")[workload]["spec"]["volumeClaimTemplates"]
        }
        mounts = {one["name"]: one["mountPath"] for one in self.container(workload)["volumeMounts"]}
        return {mounts[name]: int(size.removesuffix("Gi")) for name, size in sizes.items()}


def faults(one: dict[str, Any]) -> list[str]:
    """What the API's own schema has against an object: unknown and missing fields, wrong types."""
    schema = {**SCHEMA, "$ref": f"#/$defs/{one['kind']}"}
    return [error.message[:90] for error in jsonschema.Draft202012Validator(schema).iter_errors(one)]


def megabytes(text: str) -> int:
    """A quantity in Mi or Gi, or Go's MiB, in MiB."""
    number = int("".join(filter(str.isdigit, text)))
    return number * 1024 if "G" in text else number


def _documents(file: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((CONFIG / file).read_text(encoding="utf-8")))
