"""The proof of the catalogue: which test files prove each action, against what, and when all tests
last passed; and of the REST API: which tests prove each route.

A test file declares what it proves, next to its tests:

    PROVES = {"Exim with STARTTLS and login": ["email"]}

and a test the routes: `@pytest.mark.routes("GET /workflows")`.

The plugin records what the tests of a run really performed. `python -m dev.proof` compares both,
and `python -m dev.proof record` keeps the date and the commit of a green run for the reference.
"""
