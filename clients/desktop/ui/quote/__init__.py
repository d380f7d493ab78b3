"""Page of a quote."""
