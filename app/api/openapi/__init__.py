"""The published document (OpenAPI), all of it.

FastAPI reads routes, schemas and path parameters off the code; the rest is here. `inputs` and `answers` are what routes
name when they are declared, `examples` has one of each thing, `marketo_*` describe Marketo's own paths, and `document`
puts everything together. The parameters of an import come from their declaration (app/api/parameters.py).
"""
