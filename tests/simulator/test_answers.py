"""What the simulator answers: envelopes, errors, pages."""

import json

from app.simulator.answers import Envelopes, Refusal, dumps, not_found, page


def test_an_envelope_has_a_request_id_of_a_counter_and_the_time():
    """Both in hexadecimal; no two are the same."""
    envelopes = Envelopes()
    first, second = (json.loads(envelopes.success(1_794_852_000.5, [{"a": 1}], more=2).body) for _ in range(2))
    assert first == {"requestId": first["requestId"], "result": [{"a": 1}], "success": True, "more": 2}
    counter, _, moment = first["requestId"].partition("#")
    assert int(moment, 16) == 1_794_852_000_500
    assert int(second["requestId"].partition("#")[0], 16) == int(counter, 16) + 1


def test_an_error_is_http_200_with_marketos_own_words():
    """Or with those that are given."""
    answer = Envelopes().error(0.0, "1016")
    assert (answer.status, answer.code) == (200, "1016")
    assert json.loads(answer.body)["errors"] == [{"code": "1016", "message": "Too many imports"}]
    assert json.loads(Envelopes().error(0.0, "606", "slow").body)["errors"][0]["message"] == "slow"
    assert str(Refusal("1003")) == "1003 Empty file"
    assert Refusal("9999").message == "Error"


def test_a_gateway_says_html_and_never_json():
    """Only an error has a code; a missing file has no body."""
    assert (page(502, "x").code, page(200, "x").code) == ("502", None)
    assert b"<h1>x</h1>" in page(502, "x").body
    assert page(502, "x").content_type == "text/html"
    assert (not_found().status, not_found().body) == (404, b"")


def test_json_is_compact_and_keeps_its_letters():
    """As Marketo writes it."""
    assert dumps({"a": ["ä", 1]}) == '{"a":["ä",1]}'.encode()
