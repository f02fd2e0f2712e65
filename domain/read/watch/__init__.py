"""Watching the projections, the workers and the clock: numbers, and what they mean in words."""
