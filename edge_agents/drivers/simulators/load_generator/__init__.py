"""Driver which records numbered events, for benches and endurance tests."""
