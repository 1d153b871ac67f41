"""What comes before an execution runs: its revision, its people's rules, a slot."""
