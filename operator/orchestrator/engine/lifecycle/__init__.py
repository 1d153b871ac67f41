"""An execution from its admission to its deletion: begin, cancellation, pause, end, re-run."""
