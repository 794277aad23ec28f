"""Where a student's code runs when it counts: a process of its own, behind fences, that knows nothing worth knowing.

Outside: `Sandbox` and `Job` (launcher.py), for the judge. A sandbox starts a fork server (fork_server.py), which has
imported what student code needs, and a copy of the package without questions and answers (student_package.py). For
every job the fork server forks; the child puts up its fences (fences.py), and then does as it is told (inside.py):
read notebooks, run a program, call its function. Judge and job exchange bytes of a closed form (wire.py) over a
private line (line.py), so that the worst a job can do is to give a wrong answer.
"""
