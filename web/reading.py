"""The pages that one reads, all of them."""

from web import cases, documents, emergency, history, letters, lists, procedures

ROUTES = [
    *lists.ROUTES,
    *history.ROUTES,
    *letters.ROUTES,
    *documents.ROUTES,
    *cases.ROUTES,
    *emergency.ROUTES,
    *procedures.ROUTES,
]
