"""Judging a student's function: the questions asked of it, the call itself, and the verdict in words.

Data flow one way: an `Exercise` (exercise.py) holds cases; `judge` (judging.py) runs them; a case puts questions
through an `Ask` (ask.py) to a `Worker` (worker.py), which calls the function and answers with plain data (plain.py).
What comes out is a `Verdict` (verdict.py), plain data as well; a notebook, pytest and the command line each show it in
their own way.

The seam between judge and worker is drawn so that the two can live in different processes: a question is plain data,
and so is the reply. The judge never holds the function, and never believes more than it was given.
"""
