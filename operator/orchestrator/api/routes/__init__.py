"""The routes, one router a resource; `registry.py` lists them."""
