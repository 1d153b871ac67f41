"""Logs of attempts: followed while their pods run, and kept when these are gone."""
