"""A py:percent source, read cell by cell."""

from fedteach.authoring import Cell, cells_from
from tests.authoring.courses import WELCOME


def test_each_cell_of_the_source_is_a_cell_of_the_notebook():
    cells = cells_from(WELCOME)
    assert [cell.kind for cell in cells] == ["markdown", "code", "code", "markdown"]
    assert cells[0].text == "# Welcome\n\nFive steps, *five* functions."
    assert cells[3].text == "The end."


def test_a_title_becomes_the_first_line_of_its_cell():
    assert cells_from(WELCOME)[1] == Cell("code", "# Exercise 0.1: count the clients\nn_clients = 5\nn_clients")


def test_tags_stay_and_magics_come_alive():
    assert cells_from(WELCOME)[2] == Cell(
        "code", '%matplotlib inline\nprint("Grüße, 你好")', metadata={"tags": ["hide-input"]}
    )
