"""The graph of a Workflow as Mermaid, DOT or SVG: pure, without other programs."""
