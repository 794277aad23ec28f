"""What is measured, against what, in one run: `python -m benchmarks`; the figures are in README.md."""
