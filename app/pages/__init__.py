"""HTML for people: one module and one template a page.

`routing` is what every page and every deed passes: who looks, with which scope, from where. What is told comes from
`container.reports`, what is done from `operations/`, as in the API.
"""
