"""The page in a real browser: it asks for nothing, complains of nothing, and its videos play."""

from __future__ import annotations

import shutil

import pytest

from tests.report.report_world import make_world

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next((found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="neither chromium nor google-chrome is installed")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PLAYS = """async (video) => {
  const start = video.currentTime;
  for (let i = 0; i < 400; i++) {
    if (video.readyState >= 2 && video.currentTime !== start) return true;
    await new Promise((done) => setTimeout(done, 50));
  }
  return false;
}"""


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=120_000)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A written page."""
    folder = tmp_path_factory.mktemp("browser")
    make_world(folder, subjects=(1, 2)).write(folder / "page")
    return (folder / "page" / "report.html").as_uri()


def _open(browser, address, **options):
    """Open the page and listen to what it says and asks for."""
    page = browser.new_page(**options)
    heard: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: heard.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    return page, heard, asked


def test_page_plays_and_asks_for_nothing(browser, address):
    """Every video decodes and moves; the console stays empty; nothing but the page itself is requested."""
    page, heard, asked = _open(browser, address, viewport={"width": 1280, "height": 900})
    videos = page.query_selector_all("video")
    assert len(videos) == 14
    for video in videos:
        video.scroll_into_view_if_needed()
        assert video.evaluate(PLAYS)
        assert video.evaluate("v => [v.videoWidth, v.videoHeight, v.muted, v.loop]") == [128, 384, True, True]
    assert heard == []
    assert [url for url in asked if not url.startswith("data:")] == [address]
    page.close()


def test_banner_is_seen_first_and_stays(browser, address):
    """It is at the top of the window, also after scrolling."""
    page, _, _ = _open(browser, address, viewport={"width": 1280, "height": 900})
    banner = page.locator(".banner")
    assert "Simulated data" in banner.inner_text()
    for _ in range(2):
        assert banner.bounding_box()["y"] == 0
        assert page.evaluate("document.elementFromPoint(640, 10).closest('.banner') !== null")
        page.evaluate("window.scrollTo({top: document.body.scrollHeight, behavior: 'instant'})")
    page.close()


def test_button_stops_and_restarts_all_videos(browser, address):
    """And a reader who asks for less motion starts with none."""
    page, heard, _ = _open(browser, address, viewport={"width": 1280, "height": 900})
    page.click("#motion")
    assert page.evaluate("[...document.querySelectorAll('video')].every(v => v.paused)")
    page.click("#motion")
    first = page.query_selector("video")
    first.scroll_into_view_if_needed()
    assert first.evaluate(PLAYS)
    page.close()
    page, more, _ = _open(browser, address, reduced_motion="reduce")
    assert page.evaluate("[...document.querySelectorAll('video')].every(v => v.paused)")
    assert page.inner_text("#motion") == "Play videos"
    assert heard + more == []
    page.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_fits_its_window(browser, address, width, scheme):
    """No sideways scrolling of the page, and text that contrasts with its ground."""
    page, _, _ = _open(browser, address, viewport={"width": width, "height": 844}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    ink, ground = page.evaluate(
        "['color', 'backgroundColor'].map(n => getComputedStyle(document.body)[n].match(/\\d+/g).map(Number))"
    )
    assert abs(sum(ink) - sum(ground)) > 450
    assert (sum(ink) < sum(ground)) == (scheme == "light")
    page.close()
