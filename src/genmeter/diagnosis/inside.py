"""The witness inside each Python process of a program that ``genmeter doctor`` runs.

``genmeter.diagnosis.program`` copies this file into a folder of its own, under the name ``genmeter_doctor``, and puts the
folder on PYTHONPATH. So it is loaded also where genmeter is not installed, and imports the standard library alone. It
writes what it sees into a file of the folder, now and then and at the end of the process.
"""

from __future__ import annotations

import _thread
import atexit
import contextlib
import json
import os
import sys
import time
from importlib import metadata

FOLDER = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  pathlib is not imported for this
PAUSE = 0.3
_armed: list[str] = []
"""How this process came to have the witness: at its start, and by each fork since."""


def arm() -> None:
    """Begin to write; once in a process."""
    if _armed:
        return
    _armed.append("start")
    atexit.register(write)
    os.register_at_fork(after_in_child=_in_child)
    _thread.start_new_thread(_again_and_again, ())


def chain() -> None:
    """Run the ``sitecustomize`` that ours stands before."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    others = [one for one in sys.path if os.path.abspath(one) != FOLDER]  # noqa: PTH100
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


def write() -> None:
    """Write what this process is and has. A fault of ours must not reach the program."""
    with contextlib.suppress(Exception):
        path = os.path.join(FOLDER, f"{os.getpid()}.json")  # noqa: PTH118
        text = json.dumps(_seen())
        with open(f"{path}.new", "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(text)
        os.replace(f"{path}.new", path)  # noqa: PTH105


def _seen() -> dict[str, object]:
    with open(os.path.join(FOLDER, "sdks"), encoding="utf-8") as file:  # noqa: PTH118, PTH123
        sdks = dict(line.split() for line in file)
    imported = {name: _version(name) for name, module in sdks.items() if module in sys.modules}
    found: dict[str, object] = {
        "pid": os.getpid(),
        "program": os.path.basename(sys.argv[0]) if sys.argv else "",  # noqa: PTH119
        "forked": len(_armed) > 1,
        "sdks": imported,
        "meter": None,
    }
    if "genmeter.metering.instrumentor" in sys.modules:
        from genmeter.metering.inspection import inspect

        found["meter"] = inspect()
    return found


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _again_and_again() -> None:
    while True:
        time.sleep(PAUSE)
        write()


def _in_child() -> None:
    _armed.append("fork")
    # A worker of multiprocessing ends by os._exit, which runs no exit function.
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.Finalize(None, write, exitpriority=-100)
    _thread.start_new_thread(_again_and_again, ())
