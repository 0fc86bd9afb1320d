"""A made-up Run, its page, and a browser where there is one."""

import contextlib
import logging
import os
import shutil
import signal
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
    "--disable-dev-shm-usage",
)  # fmt: skip
LOG = logging.getLogger(__name__)
PATIENCE = 30  # seconds that one command to the browser may take
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


class Browsers:
    """One headless Chromium for all tests; one that stops answering is ended and replaced.

    A browser can hang as it starts, on a crowded machine above all. Every test begins by asking it a question
    that has nothing to do with the page, so a page that hangs the browser still fails its own test.
    """

    def __init__(self, profiles: Path, chromium: str, driver: str) -> None:
        from selenium import webdriver

        self.webdriver, self.profiles = webdriver, profiles
        self.chromium, self.driver = chromium, driver
        self.service: Any = None
        self.session: Any = None
        self.started = 0

    def answering(self) -> Any:
        """Return a browser that answers, or None after three that did not."""
        for _ in range(3):
            try:
                self.session = self.session or self._start()
                self.session.get("data:text/html,<title>here</title>")
                if self.session.title == "here":
                    return self.session
            except self._failures() as error:
                LOG.warning("browser %d did not answer: %s", self.started, type(error).__name__)
            self.end()
        return None

    def _start(self) -> Any:
        self.started += 1
        options = self.webdriver.ChromeOptions()
        options.binary_location = self.chromium
        for flag in (*FLAGS, f"--user-data-dir={self.profiles / str(self.started)}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.service = self.webdriver.ChromeService(self.driver, popen_kw={"start_new_session": True})
        session = self.webdriver.Chrome(options=options, service=self.service)
        session.command_executor.client_config.timeout = PATIENCE
        session.set_page_load_timeout(PATIENCE)
        session.set_script_timeout(PATIENCE)
        return session

    def _failures(self) -> tuple[type[Exception], ...]:
        from selenium.common.exceptions import WebDriverException
        from urllib3.exceptions import HTTPError

        return (WebDriverException, HTTPError, OSError)

    def end(self) -> None:
        """End the browser and its driver, whether or not they answer."""
        self.session = None
        process = getattr(self.service, "process", None)
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.service = None


@pytest.fixture(scope="session")
def browsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browsers]:
    """The browser of this session; the tests that need one skip where there is none, and say so."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("NO BROWSER: chromium or chromedriver is not installed, so the page was not tried in one")
    pytest.importorskip("selenium.webdriver", reason="NO BROWSER: selenium is not installed")
    browsers = Browsers(tmp_path_factory.mktemp("profiles"), chromium, driver)
    yield browsers
    browsers.end()


@pytest.fixture
def browser(browsers: Browsers) -> Any:
    """A headless Chromium that answers."""
    session = browsers.answering()
    if session is None:
        pytest.skip("NO BROWSER: three starts of Chromium did not answer, so the page was not tried in one")
    return session
