"use strict";
(() => {
  const [light, dark] = document.styleSheets[0].cssRules;
  const lines = "*{stroke-linejoin:round;stroke-linecap:butt}text{font-family:var(--sans)}:root{background:var(--paper)}";
  const title = document.title.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 60);

  function save(address, name) {
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  }

  /** The figure as a file of its own: both themes, or the light one alone. */
  function standalone(drawing, themes) {
    const { width, height } = drawing.viewBox.baseVal;
    const alone = drawing.cloneNode(true);
    for (const name of [...alone.getAttributeNames()]) if (!["viewBox", "role", "aria-label"].includes(name)) alone.removeAttribute(name);
    alone.setAttribute("width", width);
    alone.setAttribute("height", height);
    const style = document.createElementNS("http://www.w3.org/2000/svg", "style");
    style.textContent = themes.map((rule) => rule.cssText).join("") + lines;
    alone.prepend(style);
    return new Blob([new XMLSerializer().serializeToString(alone)], { type: "image/svg+xml" });
  }

  async function saveAs(kind, drawing) {
    const name = `${title}-${drawing.dataset.figure}`;
    if (kind === "SVG") { save(URL.createObjectURL(standalone(drawing, [light, dark])), `${name}.svg`); return; }
    const text = await standalone(drawing, [light]).text();
    const image = new Image();
    image.src = `data:image/svg+xml,${encodeURIComponent(text)}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    const { width, height } = drawing.viewBox.baseVal;
    canvas.width = 3 * width;
    canvas.height = 3 * height;
    const context = canvas.getContext("2d");
    context.fillStyle = light.style.getPropertyValue("--paper");
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => save(URL.createObjectURL(blob), `${name}.png`));
  }

  function button(text, label, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.setAttribute("aria-label", label);
    made.onclick = act;
    return made;
  }

  for (const drawing of document.querySelectorAll("svg.drawing")) {
    const box = document.createElement("div");
    box.className = "saveable";
    drawing.replaceWith(box);
    const buttons = document.createElement("div");
    buttons.className = "save";
    buttons.append(...["SVG", "PNG"].map((kind) => button(kind, `${kind}: save the figure ${drawing.dataset.figure}`, () => saveAs(kind, drawing))));
    if (box.nextElementSibling?.matches(".small-screen")) box.append(box.nextElementSibling);
    box.prepend(drawing);
    box.append(buttons);
  }
  for (const text of document.querySelectorAll("[data-copy]")) {
    const copy = button("Copy", `Copy: ${text.getAttribute("aria-label")}`, () => {
      getSelection().selectAllChildren(text);
      said.textContent = document.execCommand("copy") ? "Copied" : "Not copied: press Ctrl+C";
    });
    const said = document.createElement("span");
    said.setAttribute("role", "status");
    const buttons = document.createElement("div");
    buttons.className = "save";
    buttons.append(copy, said);
    text.after(buttons);
  }
})();
