"""``settings.py`` is the one reader of genmeter's own variables; the few other uses of the environment have a reason."""

from __future__ import annotations

import ast
import re

import pytest

from tests.architecture.tree import docstrings, modules

ENVIRONMENT = {
    "settings": "reads every variable of genmeter",
    "state": "XDG_STATE_HOME, the user's state folder",
    "metering.process.sdk": "OpenTelemetry's variables: what is disabled, and the defaults that the SDK leaves to a distribution",
    "metering.process.carriers": "OpenTelemetry's variables: where telemetry goes where the application has set up no provider",
    "metering.content": "OpenTelemetry's limit on the length of an attribute",
    "metering.families.replicate": "the SDK's own variable for its server's address, which its clients do not keep",
    "cli.doctor": "the environment of the program, which the findings are about",
    "cli.init": "the SDKs' own variables for addresses, which the file that it writes asks about",
    "cli.run": "the environment of the metered command, and NO_COLOR",
}
"""The modules that may touch the process's environment, each with what it does there."""
OWN = re.compile(r"GENMETER_[A-Z_]*")


def uses_environment(tree: ast.Module) -> bool:
    """Whether the module names ``os.environ`` or ``os.getenv``, by attribute or by import."""
    words = {"environ", "environb", "getenv", "getenvb"}
    return any(
        (
            isinstance(node, ast.Attribute)
            and node.attr in words
            and isinstance(node.value, ast.Name)
            and node.value.id == "os"
        )
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and words & {alias.name for alias in node.names})
        for node in ast.walk(tree)
    )


def test_the_environment_is_touched_only_where_there_is_a_reason() -> None:
    assert {name for name, tree in modules().items() if uses_environment(tree)} == set(ENVIRONMENT)


@pytest.mark.parametrize("name", [name for name in modules() if name != "settings"])
def test_no_other_module_spells_a_variable_of_genmeter_to_read_it(name: str) -> None:
    tree = modules()[name]
    said = docstrings(tree)
    spelled = [
        f"line {node.lineno}: {node.value}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in said
        and OWN.fullmatch(node.value)
    ]
    assert spelled == [], "import its name or its value from genmeter.settings"
