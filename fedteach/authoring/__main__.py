"""`python -m fedteach.authoring` is `fedteach author`, also where the command itself is not installed."""

from fedteach.authoring.command import author_app

if __name__ == "__main__":
    author_app(prog_name="python -m fedteach.authoring")
