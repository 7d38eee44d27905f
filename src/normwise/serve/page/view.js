"use strict";

const part = (id) => document.getElementById(id);
const say = (text) => { part("problem").textContent = text; };

/** A round length in µm or mm for the ruler: 1, 2 or 5 times a power of ten, at most `most` µm. */
function roundLength(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  const length = [5, 2, 1].map((step) => step * power).find((each) => each <= most);
  const text = length >= 1000 ? `${length / 1000} mm` : `${Number(length.toPrecision(1))} µm`;
  return { length, text };
}

const short = (value) => (Math.abs(value) >= 1000 || Number.isInteger(value) ? value.toFixed(0) : value.toPrecision(3));

function show(about) {
  document.title = `${about.title} – Normwise`;
  part("title").textContent = about.title;
  const size = [about.width, about.height].map((side) => ((side * about.mpp) / 1000).toFixed(1));
  part("facts").textContent = `${size[0]} × ${size[1]} mm, ${about.mpp.toPrecision(3)} µm a pixel`;

  const viewer = OpenSeadragon({
    element: part("slide"),
    drawer: "canvas",
    showNavigationControl: false,
    showNavigator: false,
    maxZoomPixelRatio: 4,
    visibilityRatio: 0.4,
    immediateRender: true,
    // A click reads the value of its tile, and must not move the slide away under the pointer.
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    animationTime: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 0.6,
    tileSources: {
      width: about.width,
      height: about.height,
      tileSize: about.tile,
      tileOverlap: 0,
      getTileUrl: (level, x, y) => `tiles/${level}/${x}_${y}.jpeg`,
    },
  });

  let failed = 0;
  viewer.addHandler("tile-load-failed", () => {
    failed += 1;
    say(failed === 1 ? "One part of the slide can't be read." : `${failed} parts of the slide can't be read.`);
  });

  part("closer").onclick = () => viewer.viewport.zoomBy(2);
  part("farther").onclick = () => viewer.viewport.zoomBy(0.5);
  part("whole").onclick = () => viewer.viewport.goHome();

  const bar = part("ruler").firstElementChild;
  function measure() {
    const pixels = viewer.world.getItemAt(0).viewportToImageZoom(viewer.viewport.getZoom(true));
    const { length, text } = roundLength((120 * about.mpp) / pixels);
    bar.style.width = `${(length / about.mpp) * pixels}px`;
    bar.textContent = text;
  }
  viewer.addHandler("open", measure);
  viewer.addHandler("animation", measure);
  viewer.addHandler("resize", measure);

  part("panel").hidden = !(about.maps.length || about.outlines);
  if (about.maps.length) layers(viewer, about);
  if (about.outlines) outlines(viewer);
}

function layers(viewer, about) {
  part("heat").hidden = false;
  about.maps.forEach((map, number) => part("map").add(new Option(map.name, String(number))));
  let layer = null;
  let wanted = 0;
  let values = null; // of the chosen map, by column and row of its tile
  const opacity = () => part("opacity").value / 100;

  function choose() {
    wanted += 1;
    const mine = wanted;
    if (layer) viewer.world.removeItem(layer);
    layer = null;
    const map = about.maps[part("map").value];
    part("legend").hidden = !map;
    if (!map) return;
    const unit = map.unit ? ` ${map.unit}` : "";
    part("named").textContent = map.name;
    part("low").textContent = `${short(map.low)}${unit}`;
    part("high").textContent = `${short(map.high)}${unit}`;
    part("value").textContent = "Point at a tile, or click it, for its value.";
    values = null;
    fetch(map.values).then((answer) => answer.json()).then((found) => {
      if (mine !== wanted) return;
      values = { ...found, unit, of: new Map(found.rows.map(([column, row, value]) => [`${column},${row}`, value])) };
    }).catch(() => say("The values of the heat map can't be read."));
    viewer.addSimpleImage({
      url: map.url,
      opacity: opacity(),
      width: about.across / about.width,
      success: (event) => {
        // A quicker choice may have come in between.
        if (mine === wanted) layer = event.item;
        else viewer.world.removeItem(event.item);
      },
      error: () => say("The heat map can't be read."),
    });
  }
  function read(position) {
    if (!values) return;
    const at = viewer.world.getItemAt(0).viewportToImageCoordinates(viewer.viewport.pointFromPixel(position));
    const value = values.of.get(`${Math.floor(at.x / values.tile)},${Math.floor(at.y / values.upright / values.tile)}`);
    part("value").textContent = value === undefined ? "No tile here." : `This tile: ${short(value)}${values.unit}`;
  }
  new OpenSeadragon.MouseTracker({
    element: viewer.container,
    moveHandler: (event) => read(event.position),
  });
  viewer.addHandler("canvas-click", (event) => read(event.position));
  part("map").onchange = choose;
  part("opacity").oninput = () => layer && layer.setOpacity(opacity());
  viewer.addHandler("open", () => { part("map").value = "0"; choose(); });
}

/** The outlines of nuclei over the part that is shown: fetched for it, as many as can be told apart. */
function outlines(viewer) {
  const sheet = document.createElement("canvas");
  const pen = sheet.getContext("2d");
  const shown = part("outlines");
  let lines = new Path2D();
  let fetched = null; // the part that they are of, px of the slide
  let wanted = 0;
  let timer = 0;
  sheet.className = "outlines";
  sheet.setAttribute("aria-hidden", "true");
  viewer.canvas.append(sheet);
  part("nuclei").hidden = false;

  function draw() {
    const ratio = devicePixelRatio;
    [sheet.width, sheet.height] = [sheet.clientWidth * ratio, sheet.clientHeight * ratio];
    const slide = viewer.world.getItemAt(0);
    if (!shown.checked || !slide) return;
    const [at, across, down] = [[0, 0], [1000, 0], [0, 1000]].map(([x, y]) => (
      viewer.viewport.pixelFromPoint(slide.imageToViewportCoordinates(x, y, true), true)));
    const scale = Math.hypot(across.x - at.x, across.y - at.y) / 1000;
    pen.setTransform(...[across.x - at.x, across.y - at.y, down.x - at.x, down.y - at.y].map((each) => (each / 1000) * ratio),
      at.x * ratio, at.y * ratio);
    pen.lineJoin = "round";
    // White on black is seen over every dye and every colour of a heat map.
    for (const [colour, width] of [["#000", 3], ["#fff", 1.4]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = width / scale;
      pen.stroke(lines);
    }
  }

  async function fetchPart() {
    const slide = viewer.world.getItemAt(0);
    if (!shown.checked || !slide) return;
    const view = slide.viewportToImageRectangle(viewer.viewport.getBoundsNoRotate()).getBoundingBox();
    const inside = fetched && view.x >= fetched.x0 && view.y >= fetched.y0 && view.x + view.width <= fetched.x1 && view.y + view.height <= fetched.y1;
    if (inside) return;
    wanted += 1;
    const request = wanted;
    const box = {
      x0: view.x - view.width / 8, y0: view.y - view.height / 8, x1: view.x + view.width * 1.125, y1: view.y + view.height * 1.125,
    };
    try {
      const answer = await fetch(`outlines.json?${new URLSearchParams(box)}`);
      if (!answer.ok) throw new Error(await answer.text());
      const found = await answer.json();
      if (request !== wanted || !shown.checked) return;
      const all = found.count <= found.most;
      lines = new Path2D();
      for (const ring of found.rings) {
        lines.moveTo(ring[0], ring[1]);
        for (let place = 2; place < ring.length; place += 2) lines.lineTo(ring[place], ring[place + 1]);
      }
      fetched = all ? box : null;
      part("outlined").textContent = all
        ? `Outlined here and just beside: ${found.count.toLocaleString("en")}.`
        : `${found.count.toLocaleString("en")} nuclei here and just beside; they are outlined where there are at most ${found.most.toLocaleString("en")}: zoom in.`;
      draw();
    } catch (error) {
      if (request === wanted) part("outlined").textContent = `The outlines can't be shown: ${error.message}`;
    }
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(fetchPart, 150);
  }
  for (const event of ["update-viewport", "resize"]) viewer.addHandler(event, draw);
  for (const event of ["open", "animation-finish", "resize"]) viewer.addHandler(event, later);
  shown.onchange = () => {
    draw();
    if (!shown.checked) part("outlined").textContent = "";
    fetched = null;
    later();
  };
}

fetch("slide.json")
  .then((answer) => { if (!answer.ok) throw new Error(String(answer.status)); return answer.json(); })
  .then(show)
  .catch(() => say("The slide can't be shown: the command that serves it has ended."));
