"""People: who started an execution, who may decide, and which decisions are trusted."""
