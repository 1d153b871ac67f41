"""Buttons of Slack messages: approvals, rejections and signals of people whom Slack identifies."""
