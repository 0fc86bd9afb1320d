"""The page in a real browser."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

# Three starts of a browser that does not answer take longer than a test is given elsewhere.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(500)]


def opened(browser: Any, page: Path, *, width: int = 1200, dark: bool = False) -> Any:
    browser.get_log("browser")
    features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(page.as_uri())
    browser.execute_script("try { localStorage.clear() } catch {}")
    return browser


def run(browser: Any, script: str, *arguments: object) -> Any:
    return browser.execute_script(script, *arguments)


def test_it_renders_and_the_console_is_silent(browser: Any, page: Path) -> None:
    opened(browser, page)
    assert run(browser, "return document.querySelector('h1').innerText") == "made up"
    drawn = run(
        browser,
        "return [...document.querySelectorAll('svg.drawing')].map(one => one.getBoundingClientRect().height)",
    )
    assert len(drawn) == 9
    assert min(drawn) > 50
    assert run(browser, "return document.querySelectorAll('.viewer .row').length") == 40
    assert browser.get_log("browser") == []


CHOOSE = """
const [name, value] = arguments;
const root = document.querySelector('#r1-items');
const select = root.querySelector(`select[name="${name}"]`);
select.value = [...select.options].find(option => option.text === value).value;
root.querySelector('form').dispatchEvent(new Event('change'));
return root.querySelector('.status').textContent;
"""
BADGES = """
const rows = [...document.querySelectorAll('#r1-items .row')];
return rows.map(row => [...row.querySelectorAll('.badge')].map(one => one.textContent));
"""


def test_the_viewer_filters_by_every_facet(browser: Any, page: Path) -> None:
    opened(browser, page)
    for name, value in (
        ("Test", "distractors"),
        ("Arm", "low loss 50%"),
        ("Seed", "seed 1"),
        ("Verdict", "correct"),
    ):
        status = run(browser, CHOOSE, name, value)
    rows = run(browser, BADGES)
    assert rows
    assert all({"distractors", "low loss 50%", "seed 1", "correct"} <= set(row) for row in rows)
    assert "on this page" in status


def test_the_viewer_searches_for_all_words(browser: Any, page: Path) -> None:
    opened(browser, page)
    script = """
    const [words, done] = arguments;
    const root = document.querySelector('#r1-items');
    const box = root.querySelector('input[type=search]');
    box.value = words; box.dispatchEvent(new Event('input'));
    const found = () => done([...root.querySelectorAll('.question')].map(one => one.textContent));
    const watcher = new MutationObserver(() => { watcher.disconnect(); setTimeout(found); });
    watcher.observe(root.querySelector('.status'), { childList: true });
    """
    found = browser.execute_async_script(script, "IN_DOMAIN coins 46")
    assert found
    assert all("(in_domain)" in text for text in found)
    assert browser.execute_async_script(script, "no such words anywhere") == []


def test_the_viewer_turns_pages_and_opens_rows_with_the_keyboard(browser: Any, page: Path) -> None:
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.wait import WebDriverWait

    opened(browser, page)
    following = browser.find_element("css selector", "#r1-items .pager button:last-child")
    following.send_keys(Keys.ENTER)
    assert "21–40" in run(browser, "return document.querySelector('#r1-items .status').textContent")
    browser.find_element("css selector", "#r1-items .row summary").send_keys(Keys.ENTER)
    script = "return [...document.querySelectorAll('#r1-items .row[open] dt')].map(one => one.textContent)"
    # A browser tells of an opened row when it next draws, so the row's content is waited for.
    terms = WebDriverWait(browser, 20).until(lambda one: run(one, script))
    assert {"Gold answer", "Output", "Reason"} <= set(terms)


def test_the_pool_is_sorted_by_score_on_demand(browser: Any, page: Path) -> None:
    opened(browser, page)
    script = """
    const root = document.querySelector('#r1-pool');
    const select = root.querySelector('select[name="Order"]');
    select.value = [...select.options].find(option => option.text === 'lowest score first').value;
    root.querySelector('form').dispatchEvent(new Event('change'));
    const shown = [...root.querySelectorAll('.badge.number')].map(one => one.textContent);
    return shown.filter(text => text.startsWith('score'));
    """
    scores = [float(text.split()[1]) for text in run(browser, script)]
    assert scores == sorted(scores)
    assert scores[0] < 0


def test_the_page_follows_the_system_and_the_button_overrules_it(browser: Any, page: Path) -> None:
    ground = "return getComputedStyle(document.body).backgroundColor"
    light = run(opened(browser, page), ground)
    dark = run(opened(browser, page, dark=True), ground)
    assert light != dark
    axis = "return getComputedStyle(document.querySelector('svg.drawing text')).fill"
    assert run(browser, axis) == run(browser, "return getComputedStyle(document.querySelector('.run')).color")
    browser.find_element("id", "theme").click()
    assert run(browser, ground) == light


@pytest.mark.parametrize("width", [1200, 768, 390])
def test_nothing_is_cut_off(browser: Any, page: Path, width: int) -> None:
    opened(browser, page, width=width)
    script = """
    const wide = document.documentElement.clientWidth;
    return [...document.querySelectorAll('body *')].filter(one => !one.closest('.scroll, .skip'))
      .filter(one => one.getBoundingClientRect().right > wide + 1).map(one => one.outerHTML.slice(0, 90))
    """
    assert run(browser, script) == []
    overlong = """
    return [...document.querySelectorAll('svg.drawing')].flatMap(svg => {
      const box = svg.getBoundingClientRect();
      return [...svg.querySelectorAll('text')].filter(text => {
        const own = text.getBoundingClientRect();
        return own.left < box.left - 4 || own.right > box.right + 4;
      }).map(text => text.textContent);
    })
    """
    assert run(browser, overlong) == []


@pytest.mark.parametrize("width", [1200, 390])
def test_hostile_text_does_nothing(browser: Any, hostile_page: Path, width: int) -> None:
    from selenium.webdriver.support.wait import WebDriverWait

    opened(browser, hostile_page, width=width)
    run(browser, "document.querySelectorAll('.row > summary').forEach(one => one.click())")
    shown = "return document.querySelectorAll('.row dd').length >= document.querySelectorAll('.row').length"
    WebDriverWait(browser, 20).until(lambda one: run(one, shown))
    assert run(browser, "return window.hacked") is None
    assert run(browser, "return document.images.length") == 0
    assert run(browser, "return document.documentElement.scrollWidth") <= width
    assert browser.get_log("browser") == []
    said = run(browser, "return document.querySelector('.question').textContent")
    assert "</script><script>window.hacked = 1</script>" in said


def test_it_prints_without_the_parts_that_need_a_screen(browser: Any, page: Path) -> None:
    opened(browser, page)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    shown = "return getComputedStyle(document.querySelector(arguments[0])).display"
    assert {run(browser, shown, name) for name in ("nav", ".viewer", "#theme")} == {"none"}
    assert run(browser, shown, "svg.drawing") == "block"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_browser_that_hangs_is_replaced(browsers: Any) -> None:
    first = browsers.answering()
    if first is None:
        pytest.skip("NO BROWSER: three starts of Chromium did not answer, so none could be hung")
    first.command_executor.client_config.timeout = 1
    before = browsers.started
    os.killpg(browsers.service.process.pid, signal.SIGSTOP)
    second = browsers.answering()
    assert browsers.started > before
    assert second.title == "here"
