"""/problems: what each code means and what to do, as a page for people, or as text or JSON for programs."""

import re
from html import escape
from typing import Annotated, Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from pydantic import WithJsonSchema

from app.api.openapi.answers import responses
from app.api.openapi.operation_ids import Router
from app.api.schemas.problems import ProblemDescription, ProblemList
from app.domain.errors import NotFound, quoted
from app.domain.problems import PROBLEMS, Problem, path_of
from app.web.negotiation import preferred

ProblemName = Annotated[
    str, WithJsonSchema({"type": "string", "enum": [path_of(code).rpartition("/")[2] for code in PROBLEMS]})
]
router = Router(prefix="/problems", tags=["problems"])

MARKDOWN, HTML = "text/markdown", "text/html"
JSONS = ("application/json", "application/problem+json")
PAGE = {
    200: {
        "description": "JSON, or the page that `Accept` asks for: HTML for browsers, or Markdown",
        "content": {HTML: {"schema": {"type": "string"}}, MARKDOWN: {"schema": {"type": "string"}}},
    }
}
HEADERS = {
    "Vary": "Accept",
    "Cache-Control": "max-age=3600",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}
STYLE = """
:root { color-scheme: light dark }
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem }
h1 { line-height: 1.2 } code { font-family: ui-monospace, monospace } li { margin: .3rem 0 }
"""


@router.get("/", summary="List all problems", response_model=ProblemList, responses=responses(PAGE))
async def list_problems(request: Request) -> Response:
    """Every problem that the service can answer."""
    problems = sorted(PROBLEMS.items(), key=lambda item: (item[1].status, item[0]))
    entries = [_entry(code, problem) for code, problem in problems]
    lines = [f"- {problem.status} [`{code}`]({path_of(code)}): {problem.title}" for code, problem in problems]
    items = "".join(
        f'<li>{problem.status} <a href="{path_of(code)}"><code>{code}</code></a>: {escape(problem.title)}'
        for code, problem in problems
    )
    return _answer(request, "Problems", markdown="\n".join(lines), html=f"<ul>{items}</ul>", json={"items": entries})


@router.get(
    "/{name}", summary="Explain a problem", response_model=ProblemDescription, responses=responses(PAGE, "not_found")
)
async def get_problem(request: Request, name: ProblemName) -> Response:
    """What one problem means, and what to do."""
    code = name.replace("-", "_")
    problem = PROBLEMS.get(code)
    if problem is None or "_" in name:
        raise NotFound(f"There is no problem {quoted(name)}. All of them are listed at /problems/.")
    paragraphs = [f"HTTP {problem.status}, `{code}`", problem.means, f"**What to do:** {problem.remedy}"]
    html = "".join(f"<p>{_as_html(paragraph)}</p>" for paragraph in paragraphs)
    return _answer(
        request,
        problem.title,
        markdown="\n\n".join(paragraphs),
        html=f'{html}<p><a href="/problems/">All problems</a></p>',
        json=_entry(code, problem),
    )


def _entry(code: str, problem: Problem) -> dict[str, Any]:
    entry = {"type": path_of(code), "code": code, "status": problem.status, "title": problem.title}
    return entry | {"means": problem.means, "remedy": problem.remedy}


def _answer(request: Request, title: str, *, markdown: str, html: str, json: dict[str, Any]) -> Response:
    media_type = preferred(request, *JSONS, HTML, MARKDOWN)
    if media_type == HTML:
        head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
        page = f'<!doctype html><html lang="en">{head}<style>{STYLE}</style><h1>{escape(title)}</h1>{html}</html>'
        return HTMLResponse(page, headers=HEADERS)
    if media_type in JSONS:
        return JSONResponse(json, headers=HEADERS)
    return PlainTextResponse(f"# {title}\n\n{markdown}\n", headers=HEADERS, media_type=MARKDOWN)


def _as_html(text: str) -> str:
    """The few signs of Markdown that we use, as HTML."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)
