"""Names the span of a request after the route that answers it, never after what its caller wrote in the path."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.tracing import request_trace


class RouteName:
    """Knows the route once the answer begins: the router has written it into the scope by then."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def name_route(message: Message) -> None:
            if message["type"] == "http.response.start" and (path := _route_of(scope)):
                request_trace().name_route(path)
            await send(message)

        await self._app(scope, receive, name_route)


def _route_of(scope: Scope) -> str | None:
    """Its path, as it stands in the code. FastAPI notes which of its own routes it is; of others, what they call."""
    route, endpoint = scope.get("route"), scope.get("endpoint")
    if route is None and endpoint is not None:
        route = next((each for each in scope["app"].routes if getattr(each, "endpoint", None) is endpoint), None)
    return getattr(route, "path", None)
