"""`check`, `hint`, `progress`, `reset` and `use`, as a student meets them."""

import json
import os
import shutil
import subprocess
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path
from types import FunctionType

import pytest

from fedteach import NotStarted
from fedteach.exercises import stubs
from fedteach.grading import progress as record
from fedteach.grading.ask import Wrong
from fedteach.grading.submission import Submission
from fedteach.grading.verdict import Verdict
from fedteach.lab import box, checking, frontend, kept
from fedteach.lab.asked import MISSING
from fedteach.lab.checking import check, hint, progress, reset, use
from fedteach.lab.plots import Picture
from tests.lab.made_up import CATALOGUE, STUB, reference_double
from tests.lab.test_box import Reader
from tests.submissions import notebook

REPOSITORY = Path(__file__).parent.parent.parent


def double(x):
    return 2 * x


def wrong(x):
    return x


def stub(x):
    from fedteach import NotStarted

    raise NotStarted("1.1")


def quadruple(x):
    return double(x) + double(x)


def wrong_quadruple(x):
    return double(x)


def shout(text):
    return text + "!"


@pytest.fixture(autouse=True)
def shown(monkeypatch, tmp_path):
    """All boxes and pictures that were shown, in order, of a made-up course that keeps progress in its own folder."""
    found = []
    monkeypatch.setattr(box, "show", found.append)
    monkeypatch.setattr(checking, "catalogue", lambda: CATALOGUE)
    monkeypatch.setattr(stubs, "stub", lambda exercise: STUB)
    monkeypatch.setattr(kept, "_unsaved", [])
    monkeypatch.setattr(kept, "_home", None)
    monkeypatch.setenv("FEDTEACH_PROGRESS", str(tmp_path / "progress.jsonl"))
    return found


def last(shown):
    """Return the text that is seen in the last box."""
    return Reader(shown[-1].html).text


def standing(exercise="1.1"):
    return record.standings(record.read(record.file()))[exercise]


def lines():
    return record.file().read_text().splitlines() if record.file().exists() else []


# check


def test_a_wrong_function_is_told_what_is_wrong(shown):
    check("1.1", wrong)
    assert "✗ Not yet 1.1 twice as much" in last(shown)
    assert "Twice 1 is 2." in last(shown)
    assert "it is returned as it came: 2 * x" in last(shown)
    assert shown[-1].text.startswith("1.1 twice as much: failed\nTwice 1 is 2.")
    assert standing() == record.Standing("tried", attempts=1, passed=0, of=2)


def test_a_right_function_is_told_what_comes_next(shown):
    check("1.1", double)
    assert "✓ Passed" in last(shown)
    assert "Right at the first attempt." in last(shown)
    assert "Next: 1.2, four times as much." in last(shown)
    assert standing().stage == "passed"


def test_every_check_of_a_cell_shows_a_box_and_returns_nothing(shown):
    assert check("1.1", wrong) is None
    assert check("1.1", double) is None
    assert len(shown) == 2


def test_attempts_are_counted_and_hints_are_mentioned_from_the_second_on(shown):
    check("1.1", wrong)
    assert "hint(" not in last(shown)
    check("1.1", wrong)
    assert 'Attempt 2. hint("1.1") may help: 3 of 3 hints left.' in last(shown)
    for _ in range(3):
        hint("1.1")
    check("1.1", wrong)
    assert 'Attempt 3. hint("1.1") shows its hints again.' in last(shown)
    check("1.1", double)
    assert "Right at attempt 4." in last(shown)
    check("1.1", wrong)
    assert 'It passed before: what has changed since? hint("1.1")' in last(shown)
    check("1.1", double)
    assert "Right again." in last(shown)
    assert standing().attempts == 4


def test_perseverance_is_praised(shown):
    for _ in range(4):
        check("1.1", wrong)
    check("1.1", double)
    assert "Right at attempt 5. You stayed with it." in last(shown)


def test_passing_again_is_no_attempt_and_no_line_in_the_file(shown):
    check("1.1", double)
    before = lines()
    check("1.1", double)
    assert "Still right." in last(shown)
    assert lines() == before


def test_a_stub_is_not_started_and_nothing_to_record(shown):
    check("1.1", stub)
    assert "○ Not started" in last(shown)
    assert "Put your code where its TODO is" in last(shown)
    assert lines() == []


def test_code_beside_a_forgotten_stub_is_seen(shown):
    def forgets_the_stub(x):
        x = 2 * x
        raise NotStarted("1.1")

    check("1.1", forgets_the_stub)
    assert "○ Not started" in last(shown)
    assert 'Your code is there; now delete the line raise NotStarted("1.1"), then run the cell again.' in last(shown)


def test_the_last_exercise_of_a_notebook_leads_on_and_the_last_of_all_is_praised(shown):
    check("1.2", quadruple)
    assert "Still open in this notebook: 1.1, twice as much." in last(shown)
    check("1.1", double)
    assert "All exercises of this notebook are done. Next: 2.1, louder, in notebook 02." in last(shown)
    check("2.1", shout)
    assert "all 3 exercises are done. Congratulations!" in last(shown)


def test_a_function_of_another_name_passes_and_is_told_the_name_it_needs(shown):
    check("1.1", lambda x: 2 * x)
    assert "✓ Passed" in last(shown)
    assert "name it with def double(" in last(shown)
    check("1.1", double)
    assert "name it" not in last(shown)


def among(double):
    """Return a `wrong_quadruple` for which the notebook's `double` is another one."""
    return FunctionType(wrong_quadruple.__code__, {"double": double, "__name__": __name__}, "quadruple")


@pytest.mark.parametrize(("helper", "why"), [(wrong, "is not right yet"), (lambda x: stub(x), "is not started yet")])
def test_what_builds_on_an_exercise_that_is_not_right_waits_for_it(shown, monkeypatch, helper, why):
    # A question that fails before the other exercise is called.
    impatient = replace(CATALOGUE["1.2"], cases=(fails_at_once,))
    monkeypatch.setattr(checking, "catalogue", lambda: CATALOGUE | {"1.2": impatient})
    check("1.2", among(helper))
    assert "… Waiting" in last(shown)
    assert f"1.2 calls your 1.1 (double), which {why}: that one first." in last(shown)
    assert "Nobody knows." not in shown[-1].text, "what went wrong meanwhile is folded"
    assert standing("1.2").attempts == 0


def fails_at_once(ask, rng):
    """Nobody can know."""
    raise Wrong("Nobody knows.")


def test_what_builds_on_a_right_function_fails_by_itself_whether_that_was_checked_or_not(shown):
    check("1.2", wrong_quadruple)
    assert "Four times 1 is 4." in shown[-1].text
    check("1.1", wrong)
    check("1.2", wrong_quadruple)
    assert "Four times 1 is 4." in shown[-1].text, "the record is of an older function"


def test_the_notebook_and_the_command_line_agree(shown, tmp_path):
    for helper, code in ((double, "2 * x"), (wrong, "x")):
        path = notebook(
            tmp_path / "01_numbers.ipynb", f"def double(x): return {code}", "def quadruple(x): return double(x)"
        )
        handed_in = Submission(path, CATALOGUE.values()).verdict("1.2")
        check("1.2", among(helper))
        assert shown[-1].text.splitlines()[0] == handed_in.message.splitlines()[0]


def test_what_uses_tensorflow_is_not_judged_again_the_record_tells(shown, monkeypatch):
    heavy = replace(CATALOGUE["1.1"], uses_tensorflow=True)
    monkeypatch.setattr(checking, "catalogue", lambda: CATALOGUE | {"1.1": heavy})
    check("1.2", wrong_quadruple)
    assert "1.2 calls your 1.1 (double), which has not passed its check yet: that one first." in last(shown)
    check("1.1", double)
    check("1.2", wrong_quadruple)
    assert "Four times 1 is 4." in shown[-1].text


def test_of_two_that_call_each_other_only_the_earlier_one_waits(shown):
    made = {"__name__": __name__}
    exec("def double(x): return quadruple(x) if x else 0\ndef quadruple(x): return double(x - 1) if x else 0", made)
    check("1.1", made["double"])
    assert "1.1 calls your 1.2 (quadruple), which is not right yet: that one first." in last(shown)
    check("1.2", made["quadruple"])
    assert "✗ Not yet" in last(shown)


def test_what_is_right_passes_whatever_it_builds_on(shown):
    check("1.2", quadruple)
    assert "✓ Passed" in last(shown)


def test_an_endless_loop_ends_and_the_next_check_works(shown):
    def endless(x):
        while True:
            pass

    took = []
    for _ in range(3):  # a machine that stands still does so in one of them
        began = time.monotonic()
        check("1.1", endless)
        took.append(time.monotonic() - began)
    assert min(took) < 2
    assert "did not come to an end within 0.2 seconds" in last(shown)
    check("1.1", double)
    assert "✓ Passed" in last(shown)


def test_exceptions_prints_and_warnings_stay_in_the_box(shown, capsys):
    def noisy(x):
        print("x is", x)  # noqa: T201
        sys.stderr.write("to stderr")
        warnings.warn("careful", stacklevel=1)
        return x / 0

    check("1.1", noisy)
    text = last(shown)
    for words in ("ZeroDivisionError", "return x / 0", "x is 1", "careful"):
        assert words in text
    assert capsys.readouterr() == ("", "")


def test_the_stop_button_passes_through_and_records_nothing(shown):
    def stopped(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("1.1", stopped)
    assert shown == []
    assert lines() == []


def test_a_mistake_of_use_is_answered_in_a_box_and_records_nothing(shown):
    class Attributes(dict):
        __getattr__ = dict.__getitem__

    given = [(), ("1.1",), (double,), ("1.1", [2]), ("9.9", double), ("1.1", check), ("1.1", int)]
    given += [("1.1", Attributes()), (10**5000, double)]
    for arguments in given:
        check(*arguments)
        assert "! Almost check" in last(shown)
    assert len(shown) == len(given)
    assert lines() == []


def test_a_fault_of_ours_is_called_ours(shown, monkeypatch):
    def broken(exercise, function, seed):
        raise RuntimeError("<oops>")

    monkeypatch.setattr(checking, "judge_function", broken)
    check("1.1", double)
    assert "fedteach's fault and not yours" in last(shown)
    assert "RuntimeError: <oops>" in last(shown)
    assert lines() == []


def test_the_plain_text_is_the_verdicts_message(shown, monkeypatch):
    verdict = Verdict("1.1", "twice as much", "failed", "\x1b[31mred\x1b[0m")
    monkeypatch.setattr(checking, "judge_function", lambda exercise, function, seed: verdict)
    check("1.1", double)
    assert shown[-1].text == "1.1 twice as much: failed\nred"


def test_where_progress_cannot_be_kept_all_works_and_one_line_says_so(shown, tmp_path, monkeypatch):
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("FEDTEACH_PROGRESS", str(tmp_path / "a file" / "progress.jsonl"))
    check("1.1", wrong)
    assert "Twice 1 is 2." in last(shown)
    assert last(shown).count("Your progress cannot be kept in progress.jsonl (Not a directory).") == 1
    hint("1.1")
    hint("1.1")
    assert "Hint 2 of 3" in last(shown), "what could not be written counts as long as the kernel lives"
    check("1.1", wrong)
    assert "Attempt 2." in last(shown)
    progress()
    assert "cannot be kept" in shown[-1].text


def test_what_could_not_be_written_is_written_as_soon_as_it_can_be_in_its_order(shown, tmp_path, monkeypatch):
    (tmp_path / "folder").write_text("in the way")
    monkeypatch.setenv("FEDTEACH_PROGRESS", str(tmp_path / "folder" / "progress.jsonl"))
    check("1.1", wrong)
    hint("1.1")
    (tmp_path / "folder").unlink()
    check("1.1", double)
    assert "cannot be kept" not in last(shown)
    progress()
    assert "1.1 passed (2 attempts, 1 hint)" in shown[-1].summary
    assert [event.do for event in record.read(record.file())] == ["check", "hint", "check"]
    assert all(event.time for event in record.read(record.file()))


def test_another_place_for_the_record_that_is_none_does_not_matter(shown, monkeypatch):
    monkeypatch.setenv("FEDTEACH_PROGRESS", "~nosuchuser/x")
    check("1.1", wrong)
    assert "Your progress cannot be kept in ~nosuchuser/x (Could not determine home directory)." in last(shown)
    hint("1.1")
    check("1.1", double)
    assert "Right at attempt 2." in last(shown)
    progress()
    assert "~nosuchuser/x" in shown[-1].text
    assert "1.1 passed (2 attempts, 1 hint)" in shown[-2].summary


def test_a_folder_that_was_deleted_does_not_matter(shown, tmp_path, monkeypatch):
    monkeypatch.delenv("FEDTEACH_PROGRESS")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    check("1.1", wrong)
    assert (here / record.FILE_NAME).exists()
    shutil.rmtree(here)
    check("1.1", wrong)
    assert "Your progress cannot be kept in fedteach_progress.jsonl (No such file or directory)." in last(shown)
    hint("1.1")
    check("1.1", double)
    assert "Right at attempt 2." in last(shown)
    progress()
    reset("1.1")
    assert not here.exists(), "and nobody makes it anew"


def test_a_change_of_folders_does_not_split_the_record(shown, tmp_path, monkeypatch):
    monkeypatch.delenv("FEDTEACH_PROGRESS")
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    monkeypatch.chdir(here)

    def wanders(x):
        os.chdir(there)
        return x

    check("1.1", wanders)
    check("1.1", double)
    assert "Right at attempt 2." in last(shown)
    assert [path.parent for path in tmp_path.rglob("*.jsonl")] == [here]


# hint


def test_hints_come_one_after_another_and_are_counted(shown):
    for number in (1, 2, 3):
        hint("1.1")
        assert f"Hint {number} of 3" in last(shown)
        assert standing().hints == number
    before = lines()
    hint("1.1")
    assert "You have read all 3 hints." in last(shown)
    assert lines() == before


def test_hints_go_on_where_they_were_before_a_restart(shown):
    record.append(record.file(), record.Event("hint", "1.1", hint=2))
    hint(1.1)
    assert "Hint 3 of 3" in last(shown)


def test_a_hint_for_nothing_says_what_is_missing(shown):
    for arguments in ((), ("9.9",), (None,)):
        hint(*arguments)
        assert "! Almost hint" in last(shown)
    hint()
    assert 'As in hint("1.1").' in last(shown)
    hint(double)
    assert "Hint 1 of 3" in last(shown)


# progress


def test_progress_is_a_picture_with_its_words(shown):
    check("1.1", wrong)
    check("1.1", double)
    check("1.2", wrong_quadruple)
    progress()
    assert isinstance(shown[-1], Picture)
    assert shown[-1].summary == (
        "1 of 3 exercises passed, 1 more tried.\n"
        "01 client selection: 1.1 passed (2 attempts), 1.2 tried (1 attempt).\n"
        "02 broadcast: 2.1 not started."
    )


def test_progress_of_one_exercise_is_the_progress_of_all(shown):
    progress("1.1")
    assert shown[-1].summary.startswith("0 of 3 exercises passed")


# reset


def test_reset_gives_back_the_stub_and_counts_anew(shown):
    check("1.1", wrong)
    hint("1.1")
    check("1.1", double)
    reset("1.1")
    assert "1.1 counts as not started again." in last(shown)
    assert STUB in shown[-1].text, "where nobody looks, the stub is the output"
    assert STUB in last(shown)
    assert standing() == record.Standing()
    assert [json.loads(line)["do"] for line in lines()] == ["check", "hint", "check", "reset"]


def test_in_a_live_notebook_the_stub_comes_in_a_new_cell(shown, monkeypatch):
    class Shell:
        def set_next_input(self, text, replace):
            self.given = (text, replace)

    here = Shell()
    monkeypatch.setattr(frontend, "headless", lambda: False)
    monkeypatch.setattr(frontend, "shell", lambda: here)
    reset("1.1")
    assert here.given == (STUB, False)
    assert "is below" in last(shown)
    assert STUB not in shown[-1].text


def test_a_stub_that_is_not_there_is_said_and_nothing_is_reset(shown, monkeypatch):
    def missing(exercise):
        raise ValueError("no such stub")

    monkeypatch.setattr(stubs, "stub", missing)
    check("1.1", double)
    reset("1.1")
    assert "There is no stub of 1.1" in last(shown)
    assert standing().stage == "passed"
    reset()
    assert "! Almost reset" in last(shown)


# use


def test_a_right_function_is_used_without_a_word(shown):
    assert use("1.1", double) is double
    assert shown == []
    assert lines() == []


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (stub, "is not started"),
        (wrong, "does not pass its check yet"),
        (None, "is no function"),
        (dict, "is no function"),
        ([1], "is no function"),
        (MISSING, 'is missing in `use("1.1", double)`'),
    ],
)
def test_another_one_is_replaced_by_fedteachs_own_with_one_line_and_no_attempt(shown, function, why):
    assert use("1.1", function) is reference_double
    (line,) = shown
    assert line.text == f"1.1 (`double`) {why}: fedteach's own is used here. Run this cell again when yours is ready."
    assert lines() == []


def test_the_order_of_number_and_function_does_not_matter(shown):
    assert use(double, "1.1") is double
    assert use("1.1") is reference_double


def test_what_calls_another_stub_waits(shown):
    assert use("1.2", lambda x: stub(x)) is CATALOGUE["1.2"].reference
    assert "waits for another exercise" in shown[-1].text


def test_a_function_is_judged_anew_each_time(shown):
    numbers = [2]

    def double(x):
        return numbers[0] * x

    assert use("1.1", double) is double
    numbers[0] = 3
    assert use("1.1", double) is reference_double


def test_an_unknown_exercise_cannot_be_used():
    with pytest.raises(ValueError, match=r"There is no exercise 9.9. The numbers go from 1.1 to 2.1."):
        use("9.9", wrong)
    with pytest.raises(ValueError, match=r"There is no exercise 9.9. Your function `double` belongs to 1.1"):
        use("9.9", double)


def test_a_fault_of_ours_does_not_stop_the_notebook(shown, monkeypatch):
    def broken(exercise, function, seed):
        raise RuntimeError("oops")

    monkeypatch.setattr(checking, "judge_function", broken)
    assert use("1.1", double) is reference_double
    assert "could not be checked" in shown[-1].text


# All together, in kernels of their own


NOTEBOOK = """
from fedteach import check, hint
from fedteach.lab import checking
from tests.lab.made_up import CATALOGUE
checking.catalogue = lambda: CATALOGUE
def double(x):
    return x
check("1.1", double)
hint("1.1")
def double(x):
    return 2 * x
check("1.1", double)
"""


def test_a_program_without_a_notebook_gets_the_words_and_progress_survives_it(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FEDTEACH_PROGRESS")}
    environment["PYTHONPATH"] = str(REPOSITORY)
    command = [sys.executable, "-c", NOTEBOOK]
    for hint_number in (1, 2):
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
        assert done.stderr == ""
        assert "Twice 1 is 2." in done.stdout
        assert f"Hint {hint_number} of 3" in done.stdout
        assert "1.1 twice as much: passed" in done.stdout
    events = record.read(tmp_path / record.FILE_NAME)
    assert [(event.do, event.state) for event in events] == [
        ("check", "failed"), ("hint", ""), ("check", "passed"), ("check", "failed"), ("hint", ""), ("check", "passed"),
    ]  # fmt: skip


def test_a_check_loads_neither_tensorflow_nor_matplotlib_nor_ipython(tmp_path):
    code = f"{NOTEBOOK}\nimport sys\nprint({{'tensorflow', 'matplotlib', 'IPython', 'sklearn'}} & set(sys.modules))"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "FEDTEACH_PROGRESS": os.devnull}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "set()", done.stderr


def test_a_check_of_numpy_takes_a_moment(shown):
    check("1.1", double)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        check("1.1", double)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.05
