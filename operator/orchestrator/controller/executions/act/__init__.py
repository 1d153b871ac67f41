"""Carries out the decisions of a pass: creates, controls and stops Jobs and sub-executions."""
