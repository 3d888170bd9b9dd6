"use strict";

// Runs beside a report, which lies in a frame as wide as a phone; writes what it finds as JSON.

// WCAG 2.1's contrast ratio of two colours, [r, g, b] from 0 to 255.
function luminance(color) {
  const linear = color.map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}
function contrast(a, b) {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

// "rgb(1, 2, 3)" or "rgba(1, 2, 3, 0.5)" as [1, 2, 3, 0.5].
function parse(color) {
  const numbers = color.match(/[\d.]+/g).map(Number);
  return numbers.length === 3 ? [...numbers, 1] : numbers;
}

// What lies behind an element's text: the backgrounds of its ancestors, laid over each other.
function backdrop(frame, element) {
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.push(parse(frame.getComputedStyle(at).backgroundColor));
  let color = null;
  for (const [r, g, b, alpha] of layers.reverse()) {
    const below = color ?? [r, g, b];
    color = alpha === 0 ? color : [r, g, b].map((v, k) => alpha * v + (1 - alpha) * below[k]);
  }
  return color;
}

function lowestContrast(frame, page) {
  let lowest = { ratio: 22, of: "" };
  for (const element of page.querySelectorAll("body *, svg text")) {
    const has = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "");
    const drawn = element.closest("svg") === null || element.tagName === "text";
    const hidden = element.closest("script, style") !== null || element.tagName === "title";
    if (!has || !drawn || hidden || element.matches(".skip")) continue;
    const style = frame.getComputedStyle(element);
    const color = parse(element.tagName === "text" ? style.fill : style.color).slice(0, 3);
    const ratio = contrast(color, backdrop(frame, element));
    if (ratio < lowest.ratio) lowest = { ratio, of: element.tagName + " " + element.textContent.slice(0, 40) };
  }
  return lowest;
}

function opensFolded(frame, page) {
  const folded = [...page.querySelectorAll("details:not([open]) [id]")].find((element) =>
    page.querySelector('a[href="#' + element.id + '"]'));
  if (!folded) return null;
  frame.location.hash = folded.id;
  frame.dispatchEvent(new frame.HashChangeEvent("hashchange"));
  return folded.closest("details").open;
}

function probe(frame) {
  const page = frame.document;
  const all = (selector) => [...page.querySelectorAll(selector)];
  const ids = all("[id]").map((element) => element.id);
  const opened = opensFolded(frame, page);
  for (const details of all("details")) details.open = true;
  const widest = all("body *").filter((element) => !element.closest(".scroll, pre, svg"))
    .reduce((most, element) => Math.max(most, element.getBoundingClientRect().right), 0);
  return {
    errors: frame.errors,
    dark: frame.matchMedia("(prefers-color-scheme: dark)").matches,
    width: frame.innerWidth,
    scrollWidth: page.documentElement.scrollWidth,
    widest,
    points: all("svg circle.point").length,
    rings: all("svg a circle.worst").length,
    bars: all("svg rect.bar").length,
    deadLinks: all('a[href^="#"]').map((a) => a.getAttribute("href").slice(1)).filter((id) => !ids.includes(id)),
    outside: all("[src], [href]").map((element) => element.getAttribute("src") ?? element.getAttribute("href"))
      .filter((address) => !/^(#|data:)/.test(address)),
    twiceUsedIds: ids.filter((id, k) => ids.indexOf(id) !== k),
    namelessPictures: all('svg, [role="img"]').filter((svg) => {
      const labels = (svg.getAttribute("aria-labelledby") ?? "").split(" ");
      return !labels.every((id) => (page.getElementById(id)?.textContent ?? "") !== "");
    }).length,
    headersWithoutScope: all("th:not([scope])").length,
    unreachableScrollers: all(".scroll:not([tabindex]), pre:not([tabindex])").length,
    landmarks: ["header", "nav", "main", "h1"].filter((name) => all(name).length !== 1),
    copyButtons: all("button").length,
    replays: all("code.replay").length,
    opened,
    contrast: lowestContrast(frame, page),
    articles: all("article").map((article) => article.id),
  };
}

addEventListener("load", () => {
  const result = probe(document.querySelector("iframe").contentWindow);
  document.getElementById("result").textContent = JSON.stringify(result);
});
