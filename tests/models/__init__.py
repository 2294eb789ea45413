"""Fields, vocabularies and checks of values."""
