"use strict";

const part = (id) => document.getElementById(id);
const FEW = 200; // rows shown at once; a table of thousands would be slow to lay out

/** Sort a table by its buttons, and show only the rows that fit, some at a time. */
function manage(table, fits, counted) {
  const body = table.tBodies[0];
  let rows = [...body.rows];
  let most = FEW;
  const more = part("more");
  const text = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value ?? cell.textContent.trim();
  };

  function show() {
    let found = 0;
    for (const row of rows) {
      const shown = fits(row);
      if (shown) found += 1;
      row.hidden = !shown || found > most;
    }
    counted(found, rows.length);
    if (more) {
      more.hidden = found <= most;
      more.textContent = `Show more of ${found}`;
    }
  }

  function sort(column, head) {
    const ascending = head.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const numbers = rows.every((row) => row.cells[column].dataset.value !== undefined);
    const keyed = rows.map((row) => ({ row, key: numbers ? parseFloat(text(row, column)) : text(row, column) }));
    keyed.sort((one, other) => {
      const gone = numbers ? [Number.isNaN(one.key), Number.isNaN(other.key)] : [one.key === "–", other.key === "–"];
      if (gone[0] || gone[1]) return gone[0] - gone[1]; // what has no value comes last in both directions
      const order = numbers ? one.key - other.key : one.key.localeCompare(other.key, undefined, { numeric: true });
      return ascending ? order : -order;
    });
    rows = keyed.map(({ row }) => row);
    body.append(...rows);
    show();
  }

  [...table.tHead.rows[0].cells].forEach((head, column) => {
    head.querySelector("button").onclick = () => sort(column, head);
  });
  if (more) more.onclick = () => { most += FEW; show(); };
  return () => { most = FEW; show(); };
}

const words = (input) => input.value.trim().toLocaleLowerCase().split(/\s+/).filter(Boolean);

function people() {
  const search = part("search");
  const which = part("which");
  const fits = (row) => {
    const wanted = which.value;
    const { outcome, checks, rating } = row.dataset;
    const kind = !wanted || outcome === wanted || rating === wanted
      || (wanted === "checks" && Number(checks) > 0) || (wanted === "rated" && rating);
    if (!kind) return false;
    const text = `${row.textContent} ${row.dataset.feature}`.toLocaleLowerCase();
    return words(search).every((word) => text.includes(word));
  };
  const again = manage(part("people"), fits, (found, all) => {
    part("counted").textContent = found === all ? `${all} scans` : `${found} of ${all} scans`;
  });
  search.oninput = again;
  which.onchange = again;
  part("filter").onsubmit = (event) => event.preventDefault();
  again();
}

function features() {
  const find = part("find");
  const fits = (row) => {
    const text = `${row.textContent} ${row.dataset.feature}`.toLocaleLowerCase();
    return words(find).every((word) => text.includes(word));
  };
  const again = manage(part("features"), fits, (found, all) => {
    part("found").textContent = found === all ? `${all} features` : `${found} of ${all} features`;
  });
  find.oninput = again;
  find.form.onsubmit = (event) => event.preventDefault();
  again();
  part("features").onclick = (event) => {
    const button = event.target.closest("button[data-feature]");
    if (!button) return;
    showFeature(button.dataset.feature).then(() => {
      part("one").scrollIntoView({ block: "start" });
    });
  };
}

let asked = 0;

/** Show one feature of the person: value, expected course, W-score, share in the score. */
async function showFeature(place) {
  asked += 1;
  const mine = asked;
  const base = `/person/${part("main").dataset.number}`;
  try {
    const answer = await fetch(`${base}/feature/${place}`);
    const text = await answer.text();
    if (mine !== asked) return; // a quicker choice has come in between
    if (!answer.ok) throw new Error(text);
    part("feature").innerHTML = text;
  } catch {
    part("feature").textContent = "The feature can't be shown: the command that serves it may have ended.";
  }
}

function rating() {
  const form = part("rate");
  form.onsubmit = async (event) => {
    event.preventDefault();
    const body = JSON.stringify({ rating: form.elements.rating.value, note: form.elements.note.value });
    part("saved").textContent = "";
    try {
      const answer = await fetch(`/person/${part("main").dataset.number}/rating`, {
        method: "POST", headers: { "Content-Type": "application/json" }, body,
      });
      part("saved").textContent = answer.ok ? "Saved." : `Not saved: ${await answer.text()}`;
    } catch {
      part("saved").textContent = "Not saved: the command that serves this page has ended.";
    }
  };
}

if (part("people")) people();
if (part("features")) features();
if (part("rate")) rating();
