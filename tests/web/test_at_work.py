"""A request that only waits keeps nobody waiting."""

from starlette.requests import Request

from app.web import at_work


def test_a_request_leaves_its_place_and_one_without_a_place_has_nothing_to_leave():
    class Work:
        is_over = False

        def end(self) -> None:
            self.is_over = True

    work = Work()
    at_work.leave(Request({"type": "http", "state": {"work": work}}))
    at_work.leave(Request({"type": "http"}))
    assert work.is_over
