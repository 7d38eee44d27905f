"use strict";

/** The head of one person: slices from the server at once, NiiVue over them where the browser has WebGL. */
(function head() {
  const box = part("head");
  const { base } = box.dataset;
  const PLANES = ["sagittal", "coronal", "axial"];
  const STRONGEST = "the most unusual";
  let about = null;
  let viewer = null;
  let chosen = 0; // region, from 1 on
  let place = [0, 0, 0]; // voxel of the crosshair
  let moved = false; // whether somebody has looked at a place

  const layer = () => part("layer").value;
  const statistic = () => part("statistic").value;
  const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

  function scoreOf(region) {
    const rows = Object.entries(region.scores);
    const found = statistic() === STRONGEST
      ? rows.sort((one, other) => Math.abs(other[1][1]) - Math.abs(one[1][1]))[0]
      : rows.find(([kind]) => kind === statistic());
    return found ? { kind: found[0], feature: found[1][0], w: found[1][1] } : null;
  }

  function toWorld(voxel) {
    return [0, 1, 2].map((row) => about.affine[row][3]
      + voxel.reduce((sum, each, column) => sum + about.affine[row][column] * each, 0));
  }

  function toVoxel(mm) {
    const [a, b, c] = [0, 1, 2].map((row) => about.affine[row].slice(0, 3));
    const moved = mm.map((each, row) => each - about.affine[row][3]);
    const det = (u, v, w) => u[0] * (v[1] * w[2] - v[2] * w[1]) - u[1] * (v[0] * w[2] - v[2] * w[0])
      + u[2] * (v[0] * w[1] - v[1] * w[0]);
    const whole = det(a, b, c);
    return [0, 1, 2].map((column) => {
      const swapped = [a, b, c].map((row, number) => row.map((each, at) => (at === column ? moved[number] : each)));
      const at = Math.round(det(...swapped) / whole);
      return Math.min(Math.max(at, 0), about.shape[column] - 1);
    });
  }

  // Slices that the server draws.

  function buildSlices() {
    PLANES.forEach((plane, axis) => {
      const figure = document.createElement("figure");
      figure.innerHTML = `<div class="cutout"><img alt=""><i class="across"></i><i class="down"></i></div>
<label><span class="name"></span><input type="range" min="0" step="1"></label>`;
      const input = figure.querySelector("input");
      input.max = about.shape[axis] - 1;
      input.oninput = () => { place[axis] = Number(input.value); drawSlices([axis]); };
      input.onchange = () => look(toWorld(place));
      figure.querySelector(".cutout").onclick = (event) => {
        const frame = event.currentTarget.getBoundingClientRect();
        const [across, up] = [0, 1, 2].filter((other) => other !== axis);
        const x = (event.clientX - frame.left) / frame.width;
        const y = (event.clientY - frame.top) / frame.height;
        place[across] = Math.min(Math.floor(x * about.shape[across]), about.shape[across] - 1);
        place[up] = Math.min(Math.floor((1 - y) * about.shape[up]), about.shape[up] - 1);
        drawSlices();
        look(toWorld(place));
      };
      part("slices").append(figure);
    });
  }

  function drawSlices(axes = [0, 1, 2], over = layer()) {
    if (part("slices").hidden) return;
    const query = new URLSearchParams({ layer: over, statistic: statistic() });
    [...part("slices").children].forEach((figure, axis) => {
      const [across, up] = [0, 1, 2].filter((other) => other !== axis);
      const mm = Math.round(toWorld(place)[axis]);
      const name = `${PLANES[axis]}, ${"xyz"[axis]} = ${mm < 0 ? "−" : ""}${Math.abs(mm)} mm${axis ? ", left is left" : ", front is right"}`;
      figure.querySelector(".name").textContent = name;
      figure.querySelector("input").value = place[axis];
      figure.querySelector(".down").style.left = `${(100 * (place[across] + 0.5)) / about.shape[across]}%`;
      figure.querySelector(".across").style.top = `${100 - (100 * (place[up] + 0.5)) / about.shape[up]}%`;
      if (!axes.includes(axis)) return;
      const image = figure.querySelector("img");
      image.alt = over === "none" ? name : `${name}, overlay ${part("layer").selectedOptions[0].textContent}`;
      image.src = `${base}/slice/${PLANES[axis]}/${place[axis]}.png?${query}`;
    });
  }

  // What lies at a point.

  async function look(mm) {
    moved = true;
    if (!about.regions) return; // they come after the first slices
    const answer = await fetch(`${base}/at?${new URLSearchParams({ x: mm[0], y: mm[1], z: mm[2] })}`);
    if (answer.ok) choose((await answer.json()).region);
  }

  function choose(region) {
    const entry = about.regions[region - 1];
    part("region").value = region ? String(region) : "";
    if (!entry) {
      part("at").textContent = "No region here.";
      chosen = 0;
      return;
    }
    const score = scoreOf(entry);
    part("at").textContent = score ? `${entry.name}: W ${signed(score.w)} (${score.kind.replaceAll("_", " ")})` : entry.name;
    if (region !== chosen && score) showFeature(score.feature);
    chosen = region;
  }

  // NiiVue.

  function colours() {
    const rows = about.regions.map((region, number) => {
      if (layer() === "regions") return about.hues[number + 1];
      const score = layer() === "scores" ? scoreOf(region) : null;
      // NiiVue has one opacity for a label map: what lies in the middle half of the normals is left clear.
      if (!score || Math.abs(score.w) < 0.674) return [0, 0, 0, 0];
      const at = (Math.min(Math.max(score.w / 4, -1), 1) + 1) / 2;
      return about.palette[Math.round(at * (about.palette.length - 1))];
    });
    const all = [[0, 0, 0, 0], ...rows];
    const of = (channel) => all.map((row) => row[channel]);
    return { R: of(0), G: of(1), B: of(2), A: of(3), I: all.map((_, number) => number) };
  }

  function paint() {
    part("statistic").disabled = layer() !== "scores";
    if (part("scale")) part("scale").hidden = layer() !== "scores";
    drawSlices();
    if (!viewer) return;
    const opacity = part("opacity").value / 100;
    const shown = ["scores", "regions"].includes(layer());
    if (about.regions.length) {
      viewer.volumes[1].setColormapLabel(colours());
      viewer.setOpacity(1, shown ? opacity : 0);
    }
    if (about.hasMask) viewer.setOpacity(viewer.volumes.length - 1, layer() === "mask" ? opacity / 2 : 0);
    viewer.updateGLVolume();
  }

  function hasWebGL() {
    try {
      return Boolean(document.createElement("canvas").getContext("webgl2"));
    } catch {
      return false;
    }
  }

  async function open3d() {
    if (!hasWebGL() || !window.niivue) throw new Error("no WebGL");
    const made = new niivue.Niivue({
      dragAndDropEnabled: false,
      backColor: [0, 0, 0, 1],
      crosshairColor: [0.91, 0.77, 0.28, 1],
      show3Dcrosshair: true,
      isRadiologicalConvention: false,
      loadingText: "",
      logLevel: "fatal", // it warns of every head with much air
      multiplanarShowRender: 1,
    });
    part("stage").hidden = false;
    await made.attachToCanvas(part("gl"));
    const address = (name) => new URL(`${base}/${name}.nii`, location.href).href;
    const volumes = [{ url: address("image"), colormap: "gray", cal_min: 0, cal_max: 255 }];
    if (about.regions.length) volumes.push({ url: address("regions"), opacity: 0 });
    if (about.hasMask) volumes.push({ url: address("mask"), colormap: "green", opacity: 0, cal_min: 0.5, cal_max: 1 });
    await made.loadVolumes(volumes);
    made.setSliceType(3);
    viewer = made;
    part("slices").hidden = true;
    let timer = 0;
    viewer.onLocationChange = (location) => {
      place = toVoxel([...location.mm].slice(0, 3));
      clearTimeout(timer);
      if (!about.regions.length) return;
      const region = Math.round(location.values[1]?.value ?? 0);
      timer = setTimeout(() => choose(region), 120);
    };
    paint();
    const first = about.regions[chosen - 1];
    if (first?.centre.length) moveTo(first.centre);
  }

  function moveTo(mm) {
    place = toVoxel(mm);
    if (!viewer) { drawSlices(); return; }
    viewer.scene.crosshairPos = viewer.mm2frac(mm);
    viewer.drawScene();
  }

  async function read(name) {
    const answer = await fetch(`${base}/${name}`);
    if (answer.ok) return answer.json();
    part("show").hidden = true;
    part("at").textContent = `The image can't be shown: ${await answer.text()}`;
    return null;
  }

  async function start() {
    about = await read("head.json");
    if (!about) return;
    place = about.shape.map((size) => Math.floor(size / 2));
    buildSlices();
    const drawn = [...part("slices").querySelectorAll("img")].map((image) => new Promise((done) => {
      for (const event of ["load", "error"]) image.addEventListener(event, done, { once: true });
    }));
    drawSlices([0, 1, 2], "none");
    await Promise.all(drawn); // the regions, which take longer, don't hold the first picture up
    performance.mark("first slices");
    const regions = await read("regions.json");
    if (!regions) return;
    Object.assign(about, regions);
    part("space").textContent = `Shown ${about.space}.`;
    [...part("layer").options].forEach((option) => {
      if (option.value === "mask") { option.hidden = !about.hasMask; option.disabled = !about.hasMask; }
      else if (option.value !== "none" && !about.regions.length) option.disabled = true;
    });
    if (part("layer").selectedOptions[0].disabled) part("layer").value = about.hasMask ? "mask" : "none";
    about.statistics.forEach((kind) => part("statistic").add(new Option(kind.replaceAll("_", " "), kind)));
    part("statistic").options[0].value = STRONGEST;
    const ranked = about.regions.map((region, number) => ({ region, number: number + 1, score: scoreOf(region) }));
    ranked.sort((one, other) => Math.abs(other.score?.w ?? 0) - Math.abs(one.score?.w ?? 0));
    for (const { region, number, score } of ranked) {
      part("region").add(new Option(score ? `${region.name}, W ${signed(score.w)}` : region.name, String(number)));
    }
    const top = moved ? null : ranked[0]; // a reader who looks somewhere already stays there
    if (top?.score && top.region.centre.length) place = toVoxel(top.region.centre);
    drawSlices();
    part("layer").onchange = paint;
    part("statistic").onchange = paint;
    part("opacity").oninput = () => viewer && paint();
    part("planes").onchange = () => viewer && viewer.setSliceType(Number(part("planes").value));
    part("region").onchange = () => {
      const number = Number(part("region").value);
      const region = about.regions[number - 1];
      if (!region) return;
      if (region.centre.length) moveTo(region.centre);
      choose(number);
    };
    part("show").onsubmit = (event) => event.preventDefault();
    paint();
    if (top?.score) choose(top.number);
    const flat = new URLSearchParams(location.search).has("flat");
    try {
      if (flat) throw new Error("slices were asked for");
      await open3d();
    } catch {
      viewer = null;
      part("stage").hidden = true;
      part("slices").hidden = false;
      for (const id of ["planes", "opacity"]) part(id).parentElement.hidden = true;
      if (!flat) part("space").textContent += " The browser has no WebGL, so slices are shown.";
      paint();
    }
    performance.mark(viewer ? "three planes and 3D" : "slices");
    box.dataset.ready = viewer ? "3d" : "slices";
  }

  addEventListener("DOMContentLoaded", () => start().catch(() => {
    part("at").textContent = "The head can't be shown: the command that serves it may have ended.";
  }));
}());
