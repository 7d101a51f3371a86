"""Writes tests/collector/kubernetes.json: the part of Kubernetes' own API schema that our manifests are checked by.

``python .ci/kubernetes.py FOLDER``, where FOLDER is ``kubernetes-json-schema/v1.25.0-local-strict`` of the Python package
kubernetes-validate (Apache-2.0, from the OpenAPI document of that release). The oldest release that we say we work on is
the right one: what it knows, later ones know too. Descriptions are left out.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

KINDS = {
    "Namespace": "namespace-v1",
    "ConfigMap": "configmap-v1",
    "Service": "service-v1",
    "StatefulSet": "statefulset-apps-v1",
    "PodDisruptionBudget": "poddisruptionbudget-policy-v1",
}
TARGET = Path(__file__).parents[1] / "tests" / "collector" / "kubernetes.json"


def needed(node: Any, known: dict[str, Any], kept: dict[str, Any]) -> Any:
    """`node` without its prose, after every definition that it refers to has been put into `kept`."""
    if isinstance(node, list):
        return [needed(item, known, kept) for item in node]
    if not isinstance(node, dict):
        return node
    made: dict[str, Any] = {}
    for key, value in node.items():
        if key == "properties":  # below it every key is a field's name, "description" among them
            made[key] = {name: needed(field, known, kept) for name, field in value.items()}
        elif key == "$ref":
            name = value.rpartition("/")[2]
            if name not in kept:
                kept[name] = {}  # some definitions contain themselves
                kept[name] = needed(known[name], known, kept)
            made[key] = f"#/$defs/{name}"
        elif key not in ("description", "format", "$id", "$schema") and not key.startswith("x-"):
            made[key] = needed(value, known, kept)
    return made


def main(folder: Path) -> None:
    """Write the file anew."""
    known = json.loads((folder / "_definitions.json").read_text(encoding="utf-8"))["$defs"]
    kept: dict[str, Any] = {}
    for kind, file in KINDS.items():
        kept[kind] = needed(json.loads((folder / f"{file}.json").read_text(encoding="utf-8")), known, kept)
    comment = "Kubernetes' API, Apache-2.0; written by .ci/kubernetes.py from kubernetes-validate's " + folder.name
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$comment": comment, "$defs": kept}
    lines = json.dumps(whole, indent=0, sort_keys=True, separators=(",", ":")).replace("\n", "")
    # one definition a line: a change of version can be read
    TARGET.write_text(lines.replace('},"io.k8s.', '},\n"io.k8s.') + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
