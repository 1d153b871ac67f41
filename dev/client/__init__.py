"""Generates the methods and types of the Python client from the API's OpenAPI description."""
