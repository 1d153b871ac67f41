"""The demo: an incident handled by real pods on a real cluster, in front of the reader."""
