"""An execution from its admission to its deletion: begin, control, pause, end, re-run."""
