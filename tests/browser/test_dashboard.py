"""The dashboard in a real browser, in front of a real server whose mailbox the test fills."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.lab import screenshot
from tests.transport.http.serving import Classroom, a_call, an_update

WIDE, TELEPHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}


@pytest.fixture
def classroom():
    with Classroom(1100) as classroom:
        classroom.board()
        yield classroom


@pytest.fixture
def window(chromium, classroom, request, tmp_path):
    """Opens pages of the dashboard; the test fails if one complains, or asks for anything elsewhere."""
    problems, pages = [], []

    def open_page(fragment="", scheme="light", size=WIDE, complaints=()):
        context = chromium.new_context(base_url=classroom.url, viewport=size, color_scheme=scheme)
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("request", lambda r: None if r.url.startswith((classroom.url, "data:")) else problems.append(r.url))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda m: None if any(re.search(e, m.text) for e in complaints) else problems.append(f"{m.type}: {m.text}"),
        )
        page.goto("/" + fragment)
        pages.append(page)
        return page

    yield open_page
    for i, page in enumerate(pages):
        screenshot(page, f"{re.sub(r'[^a-z]+', '_', request.node.name)}_{i}", tmp_path)
        page.context.close()
    assert not problems, "\n".join(problems)


def watching(classroom):
    return f"#view={classroom.keys.class_token}"


def instructing(classroom):
    return f"#instructor={classroom.keys.instructor_token}"


def card(page, name):
    return page.locator(".card", has_text=name)


def test_cards_change_and_the_curve_grows_while_one_watches(classroom, window):
    page = window(watching(classroom))
    page.get_by_text("Nobody has joined yet.").wait_for()
    tokens = [classroom.join(name)[1] for name in ("Anna", "Ben")]
    card(page, "Anna").get_by_text("waiting").wait_for()
    classroom.open(a_call(1, ["0", "1"]))
    classroom.board(phase="round", round=1, say="round 1 of 5: 0 of 2 clients have answered; waiting 30 s more",
                    ends_at=time.time() + 30, window_s=30)  # fmt: skip
    card(page, "Ben").get_by_text("selected").wait_for()
    assert classroom.ask("GET", "/v1/weights/1", tokens[1]).ok
    card(page, "Ben").get_by_text("training").wait_for()
    assert classroom.ask("PUT", "/v1/updates/1", tokens[1], data=an_update()).ok
    card(page, "Ben").get_by_text("done").wait_for()
    page.get_by_text(re.compile(r"^(2\d|30) s left$")).wait_for()
    assert page.title() == "round 1 of 5 · fedteach"
    assert page.locator("#curve .dot").count() == 0
    for round, accuracy in enumerate([0.31, 0.55], 1):
        record = {"round": round, "clients": {"1": {"accuracy": 0.2 * round}}}
        classroom.mailbox.noticeboard.put_record(round, record, {"1": {"accuracy": 0.2 * round, "rounds": round}})
        classroom.board(accuracy=[0.31, 0.55][:round])
        expect(page.locator("#curve .dot")).to_have_count(round)
        assert page.locator("#accuracy").inner_text() == f"{100 * accuracy:.1f} %"
    assert page.locator("#table tr").all_inner_texts() == ["1\t31.0 %", "2\t55.0 %"]  # for screen readers
    card(page, "Ben").get_by_text("accuracy 40.0 %").wait_for()
    expect(page.locator("#curve .client")).to_have_count(1)


def test_a_name_is_text_and_nothing_else(classroom, window):
    page = window(watching(classroom))
    page.evaluate("window.ran = false")
    evil = ["<img src=x onerror='window.ran=true'>", "<script>window.ran=true</script>", "\u202egnp.exe"]
    for name in evil:
        classroom.join(name)
    card(page, "exe").wait_for()
    assert page.locator(".card h3").all_inner_texts() == [evil[0], evil[1], "\u25a1gnp.exe"]
    assert page.locator(".card img").count() == 0
    assert page.evaluate("window.ran") is False


def test_only_the_instructor_has_buttons_and_they_are_heard(classroom, window):
    assert not window(watching(classroom)).get_by_role("button", name="Pause").is_visible()
    page = window(instructing(classroom))
    assert page.evaluate("location.hash") == "", "the token must not stand in the address bar"
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("the federation will pause after this round").wait_for()
    assert classroom.mailbox.noticeboard.wished() == "pause"
    classroom.board(phase="round", wish="pause", say="round 2 of 5")  # until the round is over it can be taken back
    page.get_by_role("button", name="Resume").click()
    page.get_by_text("the federation goes on").wait_for()
    assert classroom.mailbox.noticeboard.wished() == "resume"
    classroom.board(phase="paused", say="the instructor has paused")
    page.get_by_role("button", name="Resume").wait_for()
    # By keyboard alone.
    page.keyboard.press("p")
    page.get_by_text("the federation goes on").wait_for()
    assert classroom.mailbox.noticeboard.wished() == "resume"
    page.get_by_role("button", name="End").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="End the federation?").wait_for()
    page.keyboard.press("Enter")  # "Go on" is what has the focus
    page.get_by_role("heading", name="End the federation?").wait_for(state="hidden")
    assert classroom.mailbox.noticeboard.wished() == "resume"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("the federation ends").wait_for()
    assert classroom.mailbox.noticeboard.wished() == "end"


def test_without_a_token_the_page_asks_for_it(classroom, window):
    page = window(complaints=["401"])
    page.get_by_label("Class token").fill("wrong")
    page.keyboard.press("Enter")
    page.get_by_text("The server does not know this token.").wait_for()
    page.get_by_label("Class token").fill(classroom.keys.class_token)
    page.keyboard.press("Enter")
    page.get_by_text("server accuracy").first.wait_for()
    page.reload()  # the tab remembers it
    page.get_by_text("server accuracy").first.wait_for()


def test_a_lost_connection_is_told_and_found_again(classroom, window):
    page = window(watching(classroom), complaints=["ERR_"])
    page.get_by_text("nobody has joined yet", exact=True).wait_for()
    page.context.set_offline(True)
    classroom.face.closing = True  # ends the streams, as a server that goes away does
    classroom.face._hear("")
    page.get_by_text(re.compile(r"The connection is lost; trying again in \d+ s")).wait_for()
    classroom.face.closing = False
    page.context.set_offline(False)
    classroom.join("Anna")
    card(page, "Anna").wait_for(timeout=20_000)
    assert page.locator("#lost").is_hidden()


def test_a_thousand_cards_are_shown_and_only_what_changed_is_touched(classroom, window):
    for i in range(1000):
        classroom.mailbox.members.join(f"client {i}", f"key {i}".ljust(16))
    page = window(watching(classroom))
    expect(page.locator(".card")).to_have_count(1000)
    page.evaluate("""() => {
        window.touched = new Set();
        new MutationObserver((changes) => changes.forEach((c) => {
            const element = c.target.nodeType === 1 ? c.target : c.target.parentElement;
            const li = element?.closest(".card");
            if (li) window.touched.add(li);
        })).observe(document.getElementById("cards"), {subtree: true, childList: true, characterData: true});
    }""")
    members = classroom.mailbox.members
    members.leave(members.get("500"))
    card(page, "client 500").get_by_text("left").wait_for()
    assert page.evaluate("window.touched.size") == 1
    page.locator("#filter-left").click()
    assert page.locator(".card:visible").all_inner_texts()[0].startswith("client 500")


CONTRAST = """() => {
    const light = (c) => {
        const [r, g, b] = c.map((v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
        return .2126 * r + .7152 * g + .0722 * b; };
    const colour = (text) => text.match(/[\\d.]+/g).map(Number);
    const behind = (element) => { for (let e = element; e; e = e.parentElement) {
        const c = colour(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c.slice(0, 3); }
        return [255, 255, 255]; };
    const poor = [];
    for (const element of document.querySelectorAll("body *")) {
        const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
        if (!own || !element.checkVisibility() || ["SCRIPT", "STYLE", "TITLE"].includes(element.tagName)) continue;
        const style = getComputedStyle(element);
        const ink = colour(element.namespaceURI.includes("svg") ? style.fill : style.color).slice(0, 3);
        const [a, b] = [light(ink), light(behind(element))].sort((x, y) => y - x);
        const contrast = (a + .05) / (b + .05);
        if (contrast < 4.5) poor.push(`${element.textContent.trim().slice(0, 40)}: ${contrast.toFixed(2)}`);
    }
    return poor;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_can_be_read_in_light_and_dark_on_a_projector_and_a_telephone(classroom, window, scheme):
    for i, name in enumerate(["Anna", "Ben", "Chiara", "Deniz", "Elif"]):
        _, token = classroom.join(name)
        if i == 4:
            classroom.ask("POST", "/v1/leave", token)
    classroom.open(a_call(3, ["0", "1", "2"]))
    classroom.mailbox.calls.miss(classroom.mailbox.calls.current(), "2", "late: had not answered after 30 s")
    classroom.mailbox.noticeboard.put_record(1, {"round": 1, "clients": {"0": {"accuracy": 0.3}}}, {})
    classroom.board(phase="round", round=3, accuracy=[0.4, 0.6], ends_at=time.time() + 60, window_s=90)
    for size in (WIDE, TELEPHONE):
        page = window(instructing(classroom), scheme, size)
        expect(page.locator("#curve .dot")).to_have_count(2)
        assert page.evaluate(CONTRAST) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing may stick out sideways"
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.keyboard.press("t")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    assert page.evaluate(CONTRAST) == []
