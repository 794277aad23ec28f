"""The student hand-out: a folder, and a zip beside it, with what a student needs and nothing that gives answers away.

    contents.py          the notebooks as students get them      installing.py        requirements, pins, environment
    wheel.py             fedteach itself, ready to install       readme.py            what a student reads first
    github_classroom.py  checks at every push                    links.py             Binder and Colab
    nbgrader.py          cells that nbgrader can collect         folder.py            whole on the disk, or not at all

making.py puts them together, in memory: file name -> bytes.

What students install is fedteach itself, `fedteach/exercises` included: the questions that a check asks, and our own
answers, which checks compare with and figures fall back on. That is how a check works without a network, and who digs
for those answers finds them. What is not in it: `solutions/`, the planted mistakes, and the key from which
`fedteach grade` draws its hidden questions.
"""
