"""Actions on data and on services that speak HTTP."""
