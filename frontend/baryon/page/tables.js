"use strict";
// Sorting and filtering of tables. The page says everything without them.
(() => {
  const value = (row, column, kind) => {
    const text = row.cells[column].dataset.value;
    return kind === "number" ? (text === "" ? -Infinity : Number(text)) : text.toLowerCase();
  };

  const sort = (heads, body, head) => {
    const column = heads.indexOf(head), kind = head.dataset.sort;
    const first = kind === "number" && column > 0 ? "descending" : "ascending";
    const second = first === "ascending" ? "descending" : "ascending";
    const order = head.getAttribute("aria-sort") === first ? second : first;
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const compare = (a, b) => (a < b ? -sign : a > b ? sign : 0);
    body.append(...[...body.rows].sort(
      (a, b) => compare(value(a, column, kind), value(b, column, kind))));
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
    for (const head of heads) {
      head.tabIndex = 0;
      head.addEventListener("click", () => sort(heads, body, head));
      head.addEventListener("keydown", (event) => {
        if (event.key === "Enter") sort(heads, body, head);
      });
    }
  }

  const tools = document.getElementById("tools");
  if (!tools) return;
  const body = document.getElementById(tools.dataset.for).tBodies[0];
  const filter = document.getElementById("filter"), shown = document.getElementById("shown");
  const apply = () => {
    const words = filter.value.toLowerCase().split(/\s+/);
    let count = 0;
    for (const row of body.rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      count += row.hidden ? 0 : 1;
    }
    shown.textContent = `${count} of ${body.rows.length}`;
  };
  filter.addEventListener("input", apply);
  tools.hidden = false;
  apply();
})();
