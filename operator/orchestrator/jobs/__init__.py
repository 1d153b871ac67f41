"""Builds Jobs from decisions and Templates; derives observations from Jobs and Pods."""
