"""Binder and Colab: addresses that open a notebook in the browser, and what Colab needs to find fedteach.

Both fetch the notebooks from GitHub, so the hand-out must lie at the root of a public repository.

Source:
    https://mybinder.readthedocs.io/en/latest/howto/user_interface.html and
    https://colab.research.google.com/github/googlecolab/colabtools/blob/main/notebooks/colab-github-demo.ipynb
"""

import re
from dataclasses import dataclass, replace

from fedteach.authoring.cells import Cell
from fedteach.handout.contents import Notebook

_ADDRESS = re.compile(
    r"https://github\.com/(?P<owner>[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38})/(?P<name>[A-Za-z0-9._-]{1,100}?)(?:\.git)?/?"
)
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Repository:
    """Where the teacher will push the hand-out.

    Attributes:
        owner: the account or organisation.
        name: of the repository.
        branch: of the repository.
    """

    owner: str
    name: str
    branch: str = "main"


def repository(address: str, branch: str = "main") -> Repository:
    """Read the address of a repository on GitHub.

    Raises:
        ValueError: if it is none, or the branch cannot stand in an address.
    """
    found = _ADDRESS.fullmatch(address)
    if not found or found["name"] in (".", ".."):
        raise ValueError(f"expected an address such as https://github.com/OWNER/REPO, got {address!r}")
    if not _BRANCH.fullmatch(branch) or ".." in branch or branch.endswith((".", ".lock")):
        raise ValueError(f"expected a branch such as main, of letters, digits, '.', '_' and '-', got {branch!r}")
    return Repository(found["owner"], found["name"], branch)


def binder(repository: Repository, file: str) -> str:
    """Return the address that opens a file of the repository in JupyterLab on Binder."""
    where = f"{repository.owner}/{repository.name}/{repository.branch}"
    return f"https://mybinder.org/v2/gh/{where}?urlpath=lab/tree/{file}"


def colab(repository: Repository, file: str) -> str:
    """Return the address that opens a notebook of the repository on Colab."""
    where = f"{repository.owner}/{repository.name}/blob/{repository.branch}"
    return f"https://colab.research.google.com/github/{where}/{file}"


def binder_badge(repository: Repository, file: str) -> str:
    """Return a link with a badge, in Markdown."""
    return f"[![Open on Binder](https://mybinder.org/badge_logo.svg)]({binder(repository, file)})"


def colab_badge(repository: Repository, file: str) -> str:
    """Return a link with a badge, in Markdown."""
    badge = "https://colab.research.google.com/assets/colab-badge.svg"
    return f"[![Open in Colab]({badge})]({colab(repository, file)})"


def for_colab(notebook: Notebook, repository: Repository, wheel: str) -> Notebook:
    """Put two cells before a notebook: a badge, and the installation of fedteach where it is missing.

    Args:
        notebook: as students get it.
        repository: where Colab finds it.
        wheel: the path of fedteach's wheel in the repository.
    """
    address = f"https://github.com/{repository.owner}/{repository.name}/raw/{repository.branch}/{wheel}"
    first = (
        Cell("markdown", colab_badge(repository, notebook.file)),
        Cell("code", _INSTALL.format(address=address)),
    )
    stubs = tuple(replace(stub, cell=stub.cell + len(first)) for stub in notebook.stubs)
    return replace(notebook, cells=first + notebook.cells, stubs=stubs)


# Colab brings releases of its own, which are used where they will do: its pins are not ours.
_INSTALL = """\
# On Colab this installs fedteach, which takes a minute or two. Where fedteach is there it does nothing.
import importlib.util

if importlib.util.find_spec("fedteach") is None:
    %pip install --quiet {address}"""
