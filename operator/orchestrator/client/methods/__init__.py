"""The methods of the client.

Generated from docs/openapi.json by `make generate`; do not edit.
"""
