# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The web UI as a person uses it: log in, look at the models, make a key, open Swagger. Runs in the image `clients`.

Standard input: {"url", "user", "password", "model", "key_alias"} as JSON. Prints one JSON object with a secret, `key`.
"""

from __future__ import annotations

import json
import sys
import typing as t

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

#: Seconds that a page has to show what is waited for.
PATIENCE = 60


class Browser:
    """Chromium without a window."""

    def __init__(self, url: str) -> None:
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1400,1400"):
            options.add_argument(argument)
        self.url = url
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))

    def open(self, path: str) -> None:
        self.driver.get(self.url + path)

    def wait(self, found: t.Callable[[], t.Any]) -> t.Any:
        """What *found* returns as soon as it is true; the page may be drawn anew meanwhile."""
        ignored = (Exception,)
        return WebDriverWait(self.driver, PATIENCE, ignored_exceptions=ignored).until(lambda _driver: found())

    def one(self, selector: str, text: str = "") -> WebElement:
        """The first element that has the text."""
        return self.wait(
            lambda: next(
                (one for one in self.driver.find_elements(By.CSS_SELECTOR, selector) if text in one.text), None
            )
        )

    @property
    def text(self) -> str:
        return self.driver.find_element(By.TAG_NAME, "body").text


def log_in(browser: Browser, user: str, password: str) -> str:
    """Where a person is after it."""
    browser.open("/ui/")
    browser.one("input[type=password]").send_keys(password)
    browser.one("input:not([type=password])").send_keys(user, Keys.RETURN)
    browser.one("button", "Create New Key")
    return browser.driver.current_url.removeprefix(browser.url)


def models(browser: Browser, model: str) -> bool:
    browser.open("/ui/models-and-endpoints/")
    return browser.wait(lambda: f"hosted_vllm/{model}" in browser.text)


def new_key(browser: Browser, alias: str, model: str) -> str:
    """Its value, which is shown once."""
    browser.open("/ui/api-keys/")
    browser.one("button", "Create New Key").click()
    browser.one("#key_alias").send_keys(alias)
    chosen = browser.one("#models")
    chosen.click()
    chosen.send_keys(model)
    browser.one("[role=option]", model).click()
    browser.one("#key_alias").click()
    browser.wait(lambda: not browser.driver.find_elements(By.CSS_SELECTOR, "[role=option]"))
    browser.one("button[type=submit]", "Create Key").click()
    browser.wait(lambda: "Virtual Key:" in browser.text)
    return next(line for line in browser.text.splitlines() if line.startswith("sk-") and "..." not in line)


def swagger(browser: Browser) -> int:
    """Number of operations that it shows."""
    browser.open("/docs")
    return browser.wait(lambda: len(browser.driver.find_elements(By.CSS_SELECTOR, ".opblock")))


def main() -> None:
    said = json.load(sys.stdin)
    browser = Browser(said["url"])
    try:
        found = {
            "page": log_in(browser, said["user"], said["password"]),
            "models": models(browser, said["model"]),
            "key": new_key(browser, said["key_alias"], said["model"]),
            "swagger": swagger(browser),
        }
    finally:
        browser.driver.quit()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
