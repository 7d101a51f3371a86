"""Every operation of Amazon Bedrock's two runtime services is metered or waived on the page, by the installed service models."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from genmeter.metering.providers.bedrock import OPERATIONS, SERVICE

from .test_coverage import waived

botocore_session = pytest.importorskip("botocore.session")
SERVICES = (SERVICE, "bedrock-agent-runtime")


def operations() -> list[str]:
    """``service.Operation`` of both services."""
    session = botocore_session.get_session()
    return [f"{name}.{one}" for name in SERVICES for one in session.get_service_model(name).operation_names]


def test_every_operation_is_metered_or_waived_and_never_both() -> None:
    found, rows = operations(), waived("botocore")
    metered = {f"{SERVICE}.{row.partition(' ')[0]}" for row in OPERATIONS}
    assert len(found) > 30 and metered <= set(found)
    covered = {name for name in found if any(fnmatchcase(name, row) for row in rows)}
    assert sorted(set(found) - covered - metered) == []
    assert sorted(covered & metered) == []


def test_every_row_of_the_page_stands_for_an_operation_of_the_newest_service_model() -> None:
    found = operations()
    idle = [row for row in waived("botocore") if not any(fnmatchcase(name, row) for name in found)]
    known = f"{SERVICE}.InvokeGuardrailChecks" in found
    assert idle == [] or not known
