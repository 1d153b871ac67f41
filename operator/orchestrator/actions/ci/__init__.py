"""Actions on source control and continuous integration."""
