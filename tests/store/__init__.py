"""What every store promises, proven on both."""
