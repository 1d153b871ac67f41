"""The rules, each a pure function from what is examined to what is wrong with it."""
