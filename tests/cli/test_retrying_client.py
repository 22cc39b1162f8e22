"""How often a service is asked that does not answer."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from app.cli.retrying_client import RetryingClient

Answer = int | type[httpx.TransportError]


@pytest.fixture
def patient() -> Iterator[Callable[..., tuple[RetryingClient, list[str], list[float]]]]:
    """Who asks a service that answers so, what they say meanwhile, and how long they wait."""
    with httpx.Client(base_url="http://sluice.example.com") as client:

        def made(*answers: Answer) -> tuple[RetryingClient, list[str], list[float]]:
            coming = iter(answers)

            def answer(request: httpx.Request) -> httpx.Response:
                found = next(coming)
                if isinstance(found, int):
                    return httpx.Response(found)
                raise found("", request=request)

            client._transport = httpx.MockTransport(answer)
            said: list[str] = []
            waited: list[float] = []
            return RetryingClient(client, said.append, waited.append), said, waited

        yield made


@pytest.mark.parametrize("away", [502, 503, 504, httpx.ReadError, httpx.RemoteProtocolError, httpx.ReadTimeout])
def test_who_does_not_answer_now_is_asked_again(patient, away: Answer):
    """Whatever came in between; each time it is said why."""
    asking, said, waited = patient(away, httpx.ConnectError, away, 200, away, 304)
    assert asking.get("/").status_code == 200
    assert (len(said), waited) == (3, [1, 2, 5])
    assert asking.get("/").status_code == 304
    assert (len(said), waited) == (4, [1, 2, 5, 1])


@pytest.mark.parametrize("nobody", [httpx.ConnectError, httpx.ConnectTimeout])
def test_who_was_never_there_is_not_waited_for(patient, nobody: Answer):
    """The address is wrong, or the service not started: that is for a person to mend."""
    asking, said, waited = patient(nobody)
    with pytest.raises(nobody):
        asking.get("/")
    assert (said, waited) == ([], [])


def test_after_a_minute_the_last_word_counts(patient):
    """As an answer or as an error."""
    asking, said, waited = patient(*[503] * 7, *[httpx.ReadError] * 7)
    assert asking.get("/").status_code == 503
    assert (len(said), sum(waited)) == (6, 58)
    with pytest.raises(httpx.ReadError):
        asking.get("/")


@pytest.mark.parametrize("final", [200, 202, 304, 400, 401, 404, 409, 422, 429, 500, 507])
def test_every_other_answer_is_the_answer(patient, final: int):
    """Also where it is no good one."""
    asking, said, _ = patient(final)
    assert asking.get("/").status_code == final
    assert said == []
