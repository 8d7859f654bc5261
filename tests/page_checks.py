"""What every page of the console must keep, looked at in a browser: names, headings, labels, width, landmarks."""

from __future__ import annotations

from typing import Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

_CHECKS: Final = """() => {
  const faults = [];
  const seen = (element) =>
    element.checkVisibility({ visibilityProperty: true }) && !element.closest("[aria-hidden=true]");
  const every = (selector) => [...document.querySelectorAll(selector)];
  const shown = (selector) => every(selector).filter(seen);
  const what = (element) => element.outerHTML.slice(0, 120);
  const complain = (elements, text) => elements.forEach((element) => faults.push(`${text}: ${what(element)}`));

  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide > 0) faults.push(`the page is ${wide} pixels wider than the window`);
  if (shown("h1").length !== 1) faults.push(`${shown("h1").length} elements are h1`);
  if (shown("main").length !== 1) faults.push("not one main");
  if (!document.documentElement.lang) faults.push("no language");
  if (!document.title.trim()) faults.push("no title");

  let level = 0;
  for (const heading of shown("h1, h2, h3, h4")) {
    const now = Number(heading.tagName[1]);
    if (now > level + 1) complain([heading], `after h${level}`);
    level = now;
  }

  const ids = every("[id]").map((element) => element.id);
  ids.filter((id, index) => ids.indexOf(id) !== index).forEach((id) => faults.push(`several elements are #${id}`));
  for (const name of ["aria-labelledby", "aria-describedby"]) {
    const lost = every(`[${name}]`).filter((element) =>
      element.getAttribute(name).split(" ").some((id) => !document.getElementById(id)));
    complain(lost, `${name} leads nowhere`);
  }
  complain(every("img:not([alt])"), "no alt");
  complain(shown("img").filter((image) => image.complete && image.currentSrc && !image.naturalWidth), "broken");
  complain(shown("nav:not([aria-label])"), "nameless");
  complain(every("[onclick], [onload], [onsubmit]"), "inline script");
  return faults;
}"""


def faults(page: Page) -> list[str]:
    """What is wrong with the page as it is shown now; empty if nothing is."""
    found: list[str] = page.evaluate(_CHECKS)
    return found + [f"a {role} without a name: {text}" for role, text in _nameless(page)]


def faults_of(page: Page, path: str, language: str) -> list[str]:
    """The same of a page of the console, all its details opened; it must be in that language."""
    page.goto(path)
    expect(page.locator("html")).to_have_attribute("lang", language)
    for details in page.locator("main details").all():
        details.evaluate("part => part.open = true")
    return faults(page)


def violations(page: Page, path: str, axe: Axe) -> set[tuple[str, str, str]]:
    """What axe-core has against a page, all its details opened: page, rule, element."""
    page.goto(path)
    for details in page.locator("details").all():
        details.evaluate("part => part.open = true")
    found = axe.run(page).response["violations"]
    return {(path, violation["id"], node["html"]) for violation in found for node in violation["nodes"]}


def _nameless(page: Page) -> list[tuple[str, str]]:
    """Controls that a screen reader could not name, by the names that Chromium itself computes."""
    session = page.context.new_cdp_session(page)
    tree = session.send("Accessibility.getFullAXTree")
    session.detach()
    controls = {
        "button",
        "link",
        "textbox",
        "combobox",
        "checkbox",
        "radio",
        "spinbutton",
        "slider",
        "image",
        "progressbar",
    }
    return [
        (node["role"]["value"], str(node.get("properties", [])[:2]))
        for node in tree["nodes"]
        if not node["ignored"]
        and node["role"]["value"] in controls
        and not node.get("name", {}).get("value", "").strip()
    ]
