"""The description of the receiver: it is of all routes, and a fuzzer that is not ours finds no answer that differs."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from receiver_peer import Peer, batch, csv_text
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import positive_data_acceptance

from appliance.receive.application import ROUTES


def description(peer: Peer) -> Any:
    reply = peer.ask("GET", "/openapi.json", key=None)
    assert reply.status == 200
    return reply.json


def test_every_route_is_described_with_its_limits_and_who_may_call_it(peer: Peer) -> None:
    paths = description(peer)["paths"]

    for route in ROUTES:
        described = paths[route.path.replace("<", "{").replace(":path", "").replace(">", "}")][route.method.lower()]
        assert described.get("x-scope", "") == route.scope
        assert ("security" in described) == bool(route.scope)
        assert described.get("x-max-bytes", 0) == route.max_bytes(peer.application.limits)
        assert described["summary"]
        assert {"400", "429", "500", "503"} <= set(described["responses"])


def test_no_answer_differs_from_the_description(peer: Peer) -> None:
    peer.upload(csv_text(rows=3), machine_id="web-1")
    peer.trickle(batch())
    schema = schemathesis.openapi.from_dict(description(peer))

    for result in schema.get_all_operations():
        fuzz(peer, result.ok())


@pytest.mark.parametrize("wrong", ["status", "content", "schema"])
def test_a_description_that_differs_is_found(peer: Peer, wrong: str) -> None:
    """The control of the test above: it can fail."""
    described = description(peer)
    answers = described["paths"]["/health"]["get"]["responses"]
    if wrong == "status":
        del answers["200"]
    elif wrong == "content":
        answers["200"]["content"] = {"text/html": {}}
    else:
        answers["200"]["content"]["application/json"]["schema"]["properties"]["uptime"] = {"type": "string"}
    described["paths"] = {"/health": described["paths"]["/health"]}
    [operation] = schemathesis.openapi.from_dict(described).get_all_operations()

    with pytest.raises(FailureGroup):
        fuzz(peer, operation.ok())


def fuzz(peer: Peer, operation: Any) -> None:
    """Ask for an operation with whatever fits its description, and hold each answer against it."""
    url = "http://{}:{}".format(*peer.address)

    @settings(max_examples=40, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        response = case.call(base_url=url, headers={"Authorization": f"Bearer {peer.key}"})
        # That a text is a CSV, or a name a machine, no description of a form can say: such may be refused.
        case.validate_response(response, excluded_checks=[positive_data_acceptance])
        assert response.status_code != 500

    ask()
