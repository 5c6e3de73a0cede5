"""The page: fills the template. It asks nothing of the network, and its own policy forbids it to."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from brainflix.report.collect import Report
from brainflix.report.figures import gradient, interval_plot
from brainflix.report.provenance import merged_versions
from brainflix.report.scores import MINUS, NONE, Row, format_number, format_p, headline, uses_truth
from brainflix.report.words import baseline_title, metric_title, table_title
from brainflix.wording import count, format_bytes, format_seconds

# All videos at once: a reader who asks for less motion gets none, and a button stops and restarts them together.
SCRIPT = """
(function () {
  var button = document.getElementById("motion");
  var videos = Array.prototype.slice.call(document.querySelectorAll("video"));
  if (!button || !videos.length) return;
  var playing = true;
  function set(on) {
    playing = on;
    button.textContent = on ? "Pause videos" : "Play videos";
    videos.forEach(function (video) {
      video.autoplay = on;
      if (!on) { video.pause(); return; }
      video.currentTime = 0;
      var started = video.play();
      if (started) started.catch(function () {});
    });
  }
  button.hidden = false;
  button.addEventListener("click", function () { set(!playing); });
  if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) set(false);
})();
"""


def render(report: Report) -> str:
    """Return the page as one HTML document."""
    return (
        environment()
        .get_template("template.html")
        .render(
            report=report,
            headline=headline(report.sheets),
            versions=merged_versions(report.ran),
            total_s=sum(ran.wall_s for ran in report.ran),
            total_bytes=sum(ran.size for ran in report.ran),
            gradient=gradient(),
            policy=policy(),
            script=Markup(SCRIPT),
            mark=mark,
        )
    )


def environment() -> Environment:
    """Return the templates of this folder with the filters that write numbers and names."""
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "number": format_number,
        "signed": signed,
        "p": format_p,
        "seconds": format_seconds,
        "bytes": format_bytes,
        "counted": count,
        "breakable": breakable,
        "plot": interval_plot,
        "metric": metric_title,
        "baseline": baseline_title,
        "table": table_title,
    }
    found.tests["leak"] = uses_truth
    return found


def policy(script: str = SCRIPT) -> str:
    """Return a page's content security policy: what is inside it, with this one script, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    allowed = ("img-src data:", "media-src data:", "style-src 'unsafe-inline'", f"script-src 'sha256-{digest}'")
    return "; ".join(("default-src 'none'", *allowed, "base-uri 'none'", "form-action 'none'"))


def signed(value: float | None) -> str:
    """Return a number with its sign, for differences."""
    text = format_number(value)
    return text if value is None or text.startswith((MINUS, NONE)) or not value else f"+{text}"


def breakable(text: str) -> Markup:
    """Return `text` escaped, with places where a long name may break into lines."""
    broken = escape(text)
    for sign in ("_", "-", "/", "@"):
        broken = broken.replace(sign, Markup(f"{sign}<wbr>"))
    return broken


def mark(row: Row) -> Markup:
    """Return the sign that says whether the value beats chance and every baseline."""
    titles = {
        "interval": ("●", "the whole interval beats chance and every baseline"),
        "value": ("○", "the value beats chance and every baseline, its interval does not"),
    }
    sign, title = titles.get(row.mark, ("", ""))
    if not sign:
        return Markup('<span class="mark"></span>')
    return Markup('<span class="mark beats" role="img" title="{}" aria-label="{}">{}</span>').format(title, title, sign)
