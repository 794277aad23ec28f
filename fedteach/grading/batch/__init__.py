"""Grading a class: from what a learning platform hands over to each student's notebooks.

Intake first: archives are opened without trusting them (archives.py), the platform's layout says whose is what and when
it came (layouts.py), and what comes of it is a list of hand-ins, each with the files that may be judged (intake.py).
"""
