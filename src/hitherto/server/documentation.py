"""Human-readable API documentation: introduction, tags, and a page that needs no network.

The page is made by the server from the OpenAPI document. It has no script and loads nothing, so it
works offline and no third party learns who reads it.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import FastAPI
from starlette.responses import HTMLResponse

PAGE_PATH = "/docs"

INTRODUCTION = """\
Applications add messages to sessions; processing turns them into memories; a context is a text
for a model with what it should know about the user.

Every operation under `/api/v1` needs the headers `X-Recallr-Api-Key` and `X-Recallr-Project-Id`;
those under `/admin/v1` need `X-Hitherto-Admin-Key`, or the admin key as a bearer token.

Errors are JSON objects with `detail`. Instants are ISO 8601 in UTC. Fields and parameters that are
not known are ignored. No string may have a NUL character or half of a surrogate pair."""

TAGS: list[dict[str, Any]] = [
    {"name": "Users", "description": "People or other principals with memories."},
    {"name": "Sessions", "description": "Conversations and their processing into memories."},
    {"name": "Messages", "description": "Messages of sessions, word for word."},
    {"name": "Context", "description": "Texts for a model with what it should know now."},
    {"name": "Memories", "description": "Remembered statements, with their history."},
    {"name": "Merge conflicts", "description": "Contradictions that only the user can resolve."},
    {"name": "Admin: projects", "description": "Tenants and their settings."},
    {"name": "Admin: keys", "description": "API keys of projects and of administrators."},
    {
        "name": "Admin: users",
        "description": "Users by an id in the query, which may have any characters.",
    },
    {"name": "Admin: categories", "description": "Labels for memories."},
    {"name": "Admin: webhooks", "description": "Webhook subscriptions and their deliveries."},
    {"name": "Admin: usage", "description": "Budgets, tokens and cost of language models."},
    {"name": "Admin: quarantine", "description": "Statements that were kept out of memory."},
    {"name": "Admin: retries", "description": "Retries of failed sessions and merge conflicts."},
    {"name": "Health", "description": "Liveness and readiness of the service; needs no key."},
]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code, pre { font-family: ui-monospace, monospace; font-size: .9em }
pre { overflow-x: auto; padding: .75rem; background: #8881; border-radius: 4px }
details { border: 1px solid #8884; border-radius: 4px; margin: .5rem 0; padding: .25rem .75rem }
summary { cursor: pointer }
table { border-collapse: collapse; width: 100% }
td, th { border-bottom: 1px solid #8883; padding: .25rem .5rem; text-align: left;
  vertical-align: top }
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd } a { color: #8cf } }
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
}

_METHODS = ("get", "post", "put", "patch", "delete")

Json = Mapping[str, Any]


def add_page(app: FastAPI) -> None:
    """Serve the page at `/docs`."""

    @app.get(PAGE_PATH, include_in_schema=False)
    async def get_documentation() -> HTMLResponse:
        """Return the documentation of the API as a page."""
        return HTMLResponse(render_page(app.openapi()), headers=_HEADERS)


def render_page(document: Json) -> str:
    """Return the HTML page for an OpenAPI document."""
    info = document["info"]
    title = f"{escape(info['title'])} {escape(info['version'])}"
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>",
        *(f"<p>{_prose(text)}</p>" for text in info["description"].split("\n\n")),
        '<p>For machines: <a href="openapi.json">openapi.json</a></p>',
    ]
    for tag in document["tags"]:
        parts.append(f"<h2>{escape(tag['name'])}</h2><p>{_prose(tag['description'])}</p>")
        parts.extend(
            _operation(method, path, operation)
            for path, method, operation in _operations(document)
            if tag["name"] in operation["tags"]
        )
    parts.append("<h2>Objects</h2>")
    parts.extend(_object(name, shape) for name, shape in _shapes(document).items())
    parts.append("</body></html>")
    return "".join(parts)


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if method in operations:
                yield path, method, operations[method]


def _shapes(document: Json) -> Json:
    shapes: Json = document["components"]["schemas"]
    return shapes


def _prose(text: str) -> str:
    """Return a text as HTML, with the parts between back-ticks as code."""
    pieces = escape(text).split("`")
    return "".join(
        f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces)
    )


def _operation(method: str, path: str, operation: Json) -> str:
    parts = [
        f'<details id="{escape(operation["operationId"])}"><summary><code>{method.upper()} '
        f"{escape(path)}</code> {escape(operation['summary'])}</summary>",
        f"<p>{_prose(operation['description'])}</p>",
    ]
    if "parameters" in operation:
        rows = "".join(
            _row(
                item["name"], _type(item["schema"]), _requirement(item), item.get("description", "")
            )
            for item in operation["parameters"]
        )
        parts.append(f"<table><tr><th>Parameter<th>Type<th>Default<th>Meaning</tr>{rows}</table>")
    if "requestBody" in operation:
        shape = operation["requestBody"]["content"]["application/json"]["schema"]
        parts.append(f"<p>Body: {_type(shape)}</p>")
    rows = "".join(_answer(status, item) for status, item in operation["responses"].items())
    parts.append(f"<table><tr><th>Status<th>Body<th>Meaning</tr>{rows}</table></details>")
    return "".join(parts)


def _answer(status: str, answer: Json) -> str:
    shapes = [
        _type(content["schema"]) if "schema" in content else f"<code>{escape(kind)}</code>"
        for kind, content in answer.get("content", {}).items()
    ]
    return _row(status, " or ".join(shapes), answer["description"])


def _requirement(parameter: Json) -> str:
    if parameter.get("required"):
        return "required"
    default = parameter["schema"].get("default")
    return "" if default is None else f"<code>{escape(json.dumps(default))}</code>"


def _object(name: str, shape: Json) -> str:
    rows = "".join(
        _row(
            field,
            _type(item),
            "required" if field in shape.get("required", ()) else "",
            item.get("description", ""),
        )
        for field, item in shape.get("properties", {}).items()
    )
    values = ", ".join(f"<code>{escape(str(value))}</code>" for value in shape.get("enum", ()))
    example = "".join(
        f"<pre>{escape(json.dumps(item, indent=2))}</pre>" for item in shape.get("examples", ())
    )
    return (
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"<p>{_prose(shape.get('description', ''))} {values}</p>"
        f"<table>{rows}</table>{example}</details>"
    )


def _row(name: str, *cells: str) -> str:
    *html_cells, meaning = cells
    return (
        f"<tr><td><code>{escape(name)}</code>"
        + "".join(f"<td>{cell}" for cell in html_cells)
        + f"<td>{_prose(meaning)}</tr>"
    )


def _type(shape: Json) -> str:
    """Return the form of a schema's value as HTML."""
    if "$ref" in shape:
        name = escape(shape["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in shape:
        return " or ".join(_type(item) for item in shape["anyOf"])
    if shape.get("type") == "array":
        return f"list of {_type(shape['items'])}"
    if "enum" in shape:
        return ", ".join(f"<code>{escape(str(value))}</code>" for value in shape["enum"])
    kind = escape(str(shape.get("format") or shape.get("type", "any")))
    return kind + _range(shape)


def _range(shape: Json) -> str:
    least = shape.get("minimum", shape.get("minLength"))
    most = shape.get("maximum", shape.get("maxLength"))
    if least is None and most is None:
        return ""
    return f" ({'' if least is None else least}–{'' if most is None else most})"
