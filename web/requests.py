"""A line in the log for each request: the route's pattern, never the address, which may hold a token or a reference."""

import logging
import time

from starlette.middleware.base import RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

log = logging.getLogger("requests")
QUIET = ("/health", "/ready")
"""What is asked for every few seconds and goes without saying."""


async def logged(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Log method, route, status and milliseconds."""
    route, begun, status = _route(request), time.perf_counter(), 500
    try:
        response = await call_next(request)
        status = response.status_code
        return response
    finally:
        ms = round(1000 * (time.perf_counter() - begun), 1)
        if route not in QUIET:
            said = {"method": request.method, "route": route, "status": status, "ms": ms}
            log.info("%s %s %d %s ms", request.method, route, status, ms, extra={"fields": said})


def _route(request: Request) -> str:
    """The pattern of the route that answers, such as /cases/{reference}; "none" where there is none."""
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            return str(route.path)
    return "none"
