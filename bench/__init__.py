"""Benchmarks: `./dev bench` runs them; docs/performance.md says what they found."""
