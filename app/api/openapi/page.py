"""The page at /docs: the document in Swagger UI, where each request can be tried out at the first click."""

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

STATIC = "/docs/static"
"""Where fastapi-offline serves Swagger UI from."""

# Swagger UI fills in every field of a form with what it makes up of its schema, and sends it: a program's id for leads.
# With this plugin of ours, a field that need not be there begins empty, and an empty one is not sent.
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="{root}{static}/swagger-ui.css">
<link rel="icon" href="{root}{static}/favicon.png">
<title>{title}</title>
</head>
<body>
<div id="swagger-ui"></div>
<script src="{root}{static}/swagger-ui-bundle.js"></script>
<script>
const OptionalFieldsAreEmpty = () => ({{
  wrapComponents: {{
    ParameterIncludeEmpty: (Box, system) => ({{isIncludedOptions, ...props}}) =>
      system.React.createElement(Box, {{...props, isIncludedOptions: {{...isIncludedOptions, defaultValue: false}}}}),
    JsonSchemaForm: (Field, system) => (props) =>
      system.React.createElement(
        Field, props.dispatchInitialValue && !props.required ? {{...props, dispatchInitialValue: false}} : props),
  }},
}});
SwaggerUIBundle({{
  url: '{root}/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  showExtensions: true,
  showCommonExtensions: true,
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [OptionalFieldsAreEmpty],
}});
</script>
</body>
</html>
"""


def install(app: FastAPI) -> None:
    """Serve the page."""

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "")
        return HTMLResponse(_PAGE.format(root=root, static=STATIC, title=app.title))
