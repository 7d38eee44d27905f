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

  if (about.maps.length) layers(viewer, about);
}

function layers(viewer, about) {
  part("panel").hidden = false;
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

fetch("slide.json")
  .then((answer) => { if (!answer.ok) throw new Error(String(answer.status)); return answer.json(); })
  .then(show)
  .catch(() => say("The slide can't be shown: the command that serves it has ended."));
