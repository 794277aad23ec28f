"""Judging a student's function: the questions asked of it, the call itself, and the verdict in words.

Data flow one way: an `Exercise` (exercise.py) holds cases; `judge` (judging.py) runs them; a case puts questions
through an `Ask` (ask.py) to a `Worker` (worker.py), which calls the function and answers with plain data (plain.py).
What comes out is a `Verdict` (verdict.py), plain data as well; a notebook, pytest and the command line each show it in
their own way.

A student's notebook becomes a function on a way of its own: its code cells (notebooks.py, magics.py), the statements
that the function needs (extract.py, gathering.py, statements.py, names.py), a program as plain data, run piece by piece
(program.py, surroundings.py), judged exercise by exercise (submission.py) and shown as a table (report.py).

The seam between judge and worker is drawn so that the two can live in different processes: a question is plain data,
and so is the reply. The judge never holds the function, and never believes more than it was given.
"""
