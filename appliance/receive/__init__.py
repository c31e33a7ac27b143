"""Receiving over HTTP: routes, keys, limits, the server."""
