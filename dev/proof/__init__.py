"""The proof of the catalogue: which test files prove each action, against what, and when all tests
last passed.

A test file declares what it proves, next to its tests:

    PROVES = {"Exim with STARTTLS and login": ["email"]}

The plugin records what the tests of a run really performed. `python -m dev.proof` compares both,
and `python -m dev.proof record` keeps the date and the commit of a green run for the reference.
"""
