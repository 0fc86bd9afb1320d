"""A made-up Run, its page, and a browser where there is one."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the tests of this folder import `make_run` by name

from make_run import ARMS, Made, make_run

from cotmill.report import build_report

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
HOSTILE = (
    "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'><!-- {{ 7 * 7 }} "
    "$x_1$ &amp; =1+1 \u202eright to left\u2028line\x07bell\x00"
)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Run of six arms and three seeds."""
    return make_run(tmp_path_factory.mktemp("run") / "made")


@pytest.fixture(scope="session")
def page(run_folder: Path) -> Path:
    """The page of that Run."""
    return build_report([run_folder], run_folder.parent / "report.html")


@pytest.fixture(scope="session")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a Run in which every text that people or models write is an attack."""
    arms = {**ARMS, f"<b>{HOSTILE}": {"select": {"method": "loss", "budget": "40%"}}}
    made = Made(rows=60, items=12, seeds=(0, 1), arms=arms, hostile=HOSTILE)
    folder = tmp_path_factory.mktemp("hostile")
    return build_report([make_run(folder / "run", made)], folder / "report.html")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium; the tests that need one skip where there is none, and say so."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("NO BROWSER: chromium or chromedriver is not installed, so the page was not tried in one")
    webdriver = pytest.importorskip("selenium.webdriver", reason="NO BROWSER: selenium is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    session = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield session
    session.quit()
