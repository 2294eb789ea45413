"""A job runs once to an effect, whatever happens to its worker."""
