"""The types of what the methods take and return.

Generated from docs/openapi.json by `make generate`; do not edit.
"""
