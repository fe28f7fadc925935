"""The report in Chromium: injected content is inert, and it works by keyboard and at every width."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import report_projects
from tests.browser import CHROMIUM, MISSING, Browser, opened

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason=MISSING),
    pytest.mark.xdist_group("browser"),
]
LOOKS = [(400, False), (400, True), (1600, False), (1600, True)]
FEW, MANY = 600, 10_000
SEARCH_S = 0.5
"""The time limit of a search, including the rendering of its first page."""


@pytest.fixture(
    scope="module",
    params=[FEW, pytest.param(MANY, marks=pytest.mark.campaign)],
    ids=lambda it: f"{it} lines",
)
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    stage = report_projects.make(folder / "project", lines=request.param)
    ended = stage.run("report", "--html", str(folder / "report.html"))
    assert ended.exit_code == 0, ended
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with opened(tmp_path_factory.mktemp("chromium")) as made:
        yield made


@pytest.fixture
def shown(browser: Browser, page: Path) -> Iterator[Browser]:
    """The report at 1,600 px; afterwards there were no console errors and no requests."""
    browser.events.clear()
    browser.show(page, width=1600)
    yield browser
    assert browser.complaints() == []
    assert set(browser.requests()) == {page.as_uri()}
    assert browser.run("document.title") == "Report on project"


def found(browser: Browser) -> str:
    return str(browser.run("document.getElementById('found').textContent"))


def search(browser: Browser, text: str) -> None:
    """Type the text, and wait for its results."""
    browser.run("document.getElementById('found').textContent = 'waiting'")
    browser.write(text)
    browser.wait(lambda: found(browser) != "waiting")


def focused(browser: Browser) -> str:
    return str(browser.run("document.activeElement.id || document.activeElement.textContent"))


@pytest.mark.parametrize(("width", "is_dark"), LOOKS)
def test_page_is_not_wider_than_the_window(
    shown: Browser, page: Path, width: int, is_dark: bool
) -> None:
    shown.show(page, width=width, is_dark=is_dark)
    assert shown.run("document.documentElement.scrollWidth") == width
    background = shown.run("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") is not is_dark
    shown.run("document.querySelector('#rows button').click()")
    assert shown.run("document.documentElement.scrollWidth") == width


def test_html_in_journal_text_is_escaped(shown: Browser) -> None:
    assert shown.run("document.scripts.length") == 2
    assert (
        shown.run("document.querySelectorAll('img, iframe, form, [onerror], [onload]').length") == 0
    )
    shown.run("document.getElementById('oldest').click()")
    assert "<script>fetch(" in shown.run("document.getElementById('rows').textContent")
    assert shown.run("document.querySelectorAll('#rows script, #rows img').length") == 0


def test_content_security_policy_blocks_injected_content(browser: Browser, page: Path) -> None:
    browser.show(page, width=1600)
    browser.events.clear()
    told = browser.run(
        "(() => { const it = document.createElement('img');"
        " try { it.outerHTML; document.body.insertAdjacentHTML('beforeend', '<b>'); return 'made'; }"
        " catch (error) { return error.name; } })()"
    )
    assert told == "TypeError"
    browser.run(
        "document.body.append(Object.assign(new Image(), {src: 'https://example.org/x'})), 1"
    )
    browser.wait(lambda: browser.run("1") == 1 and bool(blocked(browser)))
    assert blocked(browser) == ["csp"]


def blocked(browser: Browser) -> list[str]:
    """The reasons why requests were blocked."""
    failed = (it for it in browser.events if it.get("method") == "Network.loadingFailed")
    return [it["params"]["blockedReason"] for it in failed]


def test_search_and_filters_narrow_the_journal(shown: Browser) -> None:
    total = shown.run("JSON.parse(document.getElementById('data').textContent).rows.length")
    assert found(shown) == f"{total:,} of {total:,} requests"
    shown.press("/", "/")
    assert focused(shown) == "search"
    search(shown, "STALE default")
    stale = int(found(shown).partition(" ")[0].replace(",", ""))
    assert 0 < stale < total
    marks = shown.run("[...document.querySelectorAll('#rows mark')].map(it => it.textContent)")
    assert {"STALE", "default"} <= {*marks}
    search(shown, " nothing-has-this")
    assert found(shown).startswith("0 of")
    shown.press("Escape")
    assert found(shown) == f"{total:,} of {total:,} requests"
    shown.run("document.querySelector('[data-outcome=STALE]').click()")
    codes = shown.run(
        "[...document.querySelectorAll('#rows .result')].map(it => it.firstChild.textContent)",
    )
    assert {*codes} == {"STALE"}


def test_search_is_fast(shown: Browser) -> None:
    shown.run("document.getElementById('search').value = 'wp0 in'")
    shown.run("window.before = performance.now()")
    # Changing a filter searches at once.
    shown.run("document.getElementById('wp').dispatchEvent(new Event('change'))")
    assert shown.run("performance.now() - window.before") < SEARCH_S * 1000


def test_report_can_be_used_by_keyboard(shown: Browser) -> None:
    shown.press("Tab")
    assert focused(shown) == "Skip to the content"
    assert shown.run("document.activeElement.getBoundingClientRect().left") >= 0
    shown.press("Enter", "\r")
    assert focused(shown) == "main"
    order: list[str] = []
    while "Newest" not in order and len(order) < 60:
        shown.press("Tab")
        order.append(focused(shown))
        assert shown.run("getComputedStyle(document.activeElement).outlineStyle") != "none", order
    own = [it for it in order if it in ("search", "outcome", "command", "caller", "wp", "clear")]
    assert own == ["search", "outcome", "command", "caller", "wp", "clear"]
    assert "older" in order
    shown.run("document.querySelector('#rows button').focus()")
    first = int(focused(shown))
    shown.press("ArrowDown")
    assert int(focused(shown)) == first - 1
    shown.press("Enter", "\r")
    assert shown.run("document.activeElement.ariaExpanded") == "true"
    details = "document.activeElement.closest('tr').nextElementSibling.textContent"
    assert "Arguments" in shown.run(details)
    shown.press("ArrowUp")
    assert int(focused(shown)) == first


def test_controls_have_accessible_names_and_tables_have_headers(shown: Browser) -> None:
    nodes = shown.ask("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "combobox", "searchbox", "link", "table", "region", "navigation", "image"}
    told = [
        (it["role"]["value"], it.get("name", {}).get("value", ""))
        for it in nodes
        if not it.get("ignored") and it.get("role", {}).get("value") in roles
    ]
    assert {"button", "combobox", "searchbox", "link", "table", "image"} <= {
        role for role, _ in told
    }
    assert [role for role, name in told if not name] == []
    bare = "[...document.querySelectorAll('table')].filter(it => !it.querySelector('th[scope=col]')).length"
    assert shown.run(bare) == 0


def test_print_is_light_and_without_controls(shown: Browser, page: Path) -> None:
    shown.show(page, width=1600, is_dark=True)
    shown.ask("Emulation.setEmulatedMedia", media="print")
    hidden = "getComputedStyle(document.querySelector('.filters')).display"
    assert shown.run(hidden) == "none"
    printed = shown.ask("Page.printToPDF", printBackground=False)
    shown.ask("Emulation.setEmulatedMedia", media="")
    assert printed["data"]
