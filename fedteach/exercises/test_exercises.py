"""One test for each exercise: the verdict on what a student handed in.

    pytest --submission notebooks/                             in the repository
    pytest --pyargs fedteach.exercises --submission=PATH       anywhere
    pytest --submission notebooks/ -k 4.1                      one exercise

There is no test function to see here: fedteach's pytest plug-in (fedteach/pytest_plugin.py) makes the tests of the
catalogue as soon as pytest comes to this file. Without `--submission` the folder solutions is judged.
"""
