"""Addresses that open the hand-out in the browser."""

import json

import pytest

from fedteach.handout.links import Repository, binder, colab, repository
from fedteach.handout.making import Order, files
from tests.handout.students import put

HERE = Repository("some-course", "fl.2027", "main")


@pytest.mark.parametrize("end", ["", "/", ".git", ".git/"])
def test_an_address_is_read(end):
    assert repository(f"https://github.com/some-course/fl.2027{end}") == HERE


@pytest.mark.parametrize(
    "address",
    [
        "",
        "some-course/fl",
        "http://github.com/a/b",
        "https://github.com/a",
        "https://github.com/a/b/tree/main",
        "https://github.com/-a/b",
        "https://github.com/a/..",
        "https://gitlab.com/a/b",
        "https://github.com.evil.org/a/b",
        'https://github.com/a/b") [x](y',
        "https://github.com/a/b\n",
    ],
)
def test_another_address_is_refused(address):
    with pytest.raises(ValueError, match=r"^expected an address such as https://github\.com/OWNER/REPO, got "):
        repository(address)


@pytest.mark.parametrize("branch", ["", "-b", "a/b", "a b", "a..b", "main.lock", "a)"])
def test_another_branch_is_refused(branch):
    with pytest.raises(ValueError, match="expected a branch such as main"):
        repository("https://github.com/a/b", branch)


def test_the_forms_of_the_addresses():
    assert binder(HERE, "a.ipynb") == "https://mybinder.org/v2/gh/some-course/fl.2027/main?urlpath=lab/tree/a.ipynb"
    assert colab(HERE, "a.ipynb") == "https://colab.research.google.com/github/some-course/fl.2027/blob/main/a.ipynb"


def test_every_notebook_on_colab_begins_with_its_link_and_an_installation(everything):
    made = files(Order(colab=HERE))
    (wheel,) = (name for name in made if name.endswith(".whl"))
    for name in (name for name in made if name.endswith(".ipynb")):
        badge, install, *others = json.loads(made[name])["cells"]
        assert colab(HERE, name) in "".join(badge["source"])
        assert f"https://github.com/some-course/fl.2027/raw/main/{wheel}" in "".join(install["source"])
        assert others == json.loads(everything[name])["cells"]
        assert colab(HERE, name) in made["README.md"].decode()


def test_binder_stands_in_the_readme_alone(everything):
    made = files(Order(binder=HERE))
    assert binder(HERE, "00_welcome.ipynb") in made["README.md"].decode()
    assert {name for name in made if made[name] != everything[name]} == {"README.md"}


def test_the_installation_does_nothing_where_fedteach_is_there(tmp_path):
    from IPython.core.interactiveshell import InteractiveShell

    made = files(Order(("04_aggregation",), colab=HERE))
    install = json.loads(made["04_aggregation.ipynb"])["cells"][1]
    shell = InteractiveShell()
    shell.run_line_magic = lambda *words, **options: pytest.fail(f"called {words}")
    assert shell.run_cell("".join(install["source"])).success


def test_a_notebook_from_colab_is_judged_like_any_other(tmp_path, solutions):
    from fedteach.exercises import catalogue
    from fedteach.grading.submission import Submission
    from tests.handout.students import fill_in

    put(tmp_path, files(Order(("04_aggregation",), colab=HERE)))
    fill_in(tmp_path / "04_aggregation.ipynb", {"4.1": solutions["4.1"]})
    submission = Submission(tmp_path / "04_aggregation.ipynb", catalogue().values())
    assert [verdict.state for verdict in submission.verdicts()] == ["passed", *["not started"] * 3]
