"""`python -m fedteach` is the `fedteach` command."""

from fedteach.cli import main

main()
