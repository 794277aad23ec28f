"""The class as a JUnit report, which continuous integration and many dashboards can show."""

import re
import xml.etree.ElementTree as ET

from fedteach.grading.batch.gradebook import Gradebook, Row
from fedteach.grading.batch.marks import UNGRADED, Mark
from fedteach.grading.readable import readable

# What XML 1.0 (section 2.2) has no way to hold, beside what `readable` gives a name.
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml(book: Gradebook) -> str:
    """Return one test suite for each student, with a test case for each exercise; hidden questions are not in it."""
    suites = ET.Element("testsuites", name=_text(book.course))
    for row in book.rows:
        _add_suite(suites, row)
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _add_suite(suites: ET.Element, row: Row) -> None:
    marks = row.result.marks
    suite = ET.SubElement(
        suites,
        "testsuite",
        name=_text(row.result.student),
        tests=str(len(marks)),
        failures=str(sum(_kind(mark) == "failure" for mark in marks)),
        errors=str(sum(_kind(mark) == "error" for mark in marks)),
        skipped=str(sum(_kind(mark) == "skipped" for mark in marks)),
        time=str(row.result.seconds),
    )
    for mark in marks:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=_text(row.result.student),
            name=_text(f"{mark.exercise} {mark.title}"),
            time=str(mark.seconds),
        )
        if kind := _kind(mark):
            ET.SubElement(case, kind, message=_text(mark.outcome)).text = _text(mark.message)


def _kind(mark: Mark) -> str:
    """Return the element that tells how it went; "" for passed."""
    kinds = {"passed": "", "not started": "skipped", "waiting": "skipped", UNGRADED: "error"}
    return kinds.get(mark.outcome, "failure")


def _text(text: str) -> str:
    return _NOT_IN_XML.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), readable(text))
