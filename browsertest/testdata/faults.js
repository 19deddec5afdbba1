// What is wrong with how a page looks, as a list of sentences: things that can be
// measured. The rest is for whoever looks at the screenshots.
(() => {
  const found = [];
  const visible = (e) => e.getClientRects().length > 0 && getComputedStyle(e).visibility === "visible";
  const all = [...document.body.querySelectorAll("*")].filter(visible);
  const name = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + " " + JSON.stringify((e.innerText || "").slice(0, 30));

  if (!document.documentElement.lang) found.push("the page has no language");
  if (document.querySelectorAll("h1").length !== 1) found.push("there is not one h1");
  if (document.styleSheets.length === 0) found.push("no style sheet is in force: the page's policy may refuse its own");
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  if (new Set(ids).size !== ids.length) found.push("an id is there twice");
  for (const e of all.filter((e) => e.matches("input"))) {
    if (e.labels.length === 0 || !e.labels[0].innerText.trim()) found.push(name(e) + " has no label");
    for (const id of (e.getAttribute("aria-describedby") || "").split(" ").filter(Boolean)) {
      if (!document.getElementById(id)) found.push(name(e) + " is described by nothing: " + id);
    }
  }
  for (const e of performance.getEntriesByType("resource")) found.push("the page fetches " + e.name);

  const width = document.documentElement.clientWidth;
  for (const e of all) {
    const box = e.getBoundingClientRect();
    if (box.right > width + 1 || box.left < -1) found.push(name(e) + " leaves the screen: " + Math.round(box.right) + " of " + width);
    if (e.matches("button, input:not([type=radio]), fieldset label") && box.height < 24) found.push(name(e) + " is too low to touch");
  }

  // Text, controls and the like, none of which lies in another.
  const leaves = all.filter((e) => e.matches("h1, p, label, legend, input, button, nav a, code"));
  leaves.forEach((a, i) => {
    for (const b of leaves.slice(i + 1)) {
      if (a.contains(b) || b.contains(a)) continue;
      const p = a.getBoundingClientRect(), q = b.getBoundingClientRect();
      if (p.left < q.right - 1 && q.left < p.right - 1 && p.top < q.bottom - 1 && q.top < p.bottom - 1) found.push(name(a) + " and " + name(b) + " overlap");
    }
  });

  // WCAG 2.2, section 1.4.3: 4.5 to 1 for text, and 1.4.11: 3 to 1 for what shows where a field is.
  const parts = (color) => color.match(/[\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = parts(color).slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if ((parts(color)[3] ?? 1) > 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  for (const e of all) {
    const style = getComputedStyle(e);
    const own = e.matches("input") || [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
    if (own && contrast(style.color, ground(e)) < 4.5) found.push(name(e) + " is hard to read: " + style.color + " on " + ground(e));
    if (e.matches("input:not([type=radio])") && contrast(style.borderTopColor, ground(e.parentElement)) < 3) found.push(name(e) + " has a border that is hard to see");
  }
  return found;
})()
