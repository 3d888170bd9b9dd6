"use strict";

// Opens the folded sections that contain the target of a link.
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let at = target; at; at = at.parentElement) {
    if (at.tagName === "DETAILS") at.open = true;
  }
  target.scrollIntoView();
}
addEventListener("hashchange", openTarget);
openTarget();

// Opens all folded sections for printing and folds them again afterwards.
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const details of folded) details.open = true;
});
addEventListener("afterprint", () => {
  for (const details of folded) details.open = false;
});

for (const code of document.querySelectorAll("code.replay")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "copy";
  button.setAttribute("aria-label", "copy the command " + code.textContent);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "copied";
  });
  code.after(" ", button);
}

// If a law is violated or inconclusive, adds a checkbox that hides the rows of the other laws.
const laws = document.querySelector("table.laws");
if (laws && laws.querySelector(".violated, .inconclusive")) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  label.className = "only";
  box.type = "checkbox";
  box.addEventListener("change", () => {
    for (const row of laws.tBodies[0].rows) {
      row.hidden = box.checked && !row.querySelector(".violated, .inconclusive");
    }
  });
  label.append(box, " only what is violated or inconclusive");
  laws.closest(".scroll").before(label);
}
