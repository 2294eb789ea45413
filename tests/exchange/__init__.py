"""Tests of gridgov.exchange."""
