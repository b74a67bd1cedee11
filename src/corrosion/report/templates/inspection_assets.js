
// ---- the list of assets: sorted by any column, and leading to their photographs

function goTo(number, ...others) { // to a photograph, and back to all where filters hide it; to several of one place alone
  if (others.length) {
    show("all", new Set([number, ...others].map(Number)));
    return choose(0);
  }
  const card = CARDS[Number(number)];
  if (!shown.includes(card)) show("all");
  choose(shown.indexOf(card));
}
function sortBy(column, head) {
  const body = head.closest("table").tBodies[0], rows = [...body.rows];
  const numbers = head.classList.contains("number"), ascends = head.getAttribute("aria-sort");
  const down = ascends ? ascends === "ascending" : numbers && column > 0; // numbers: the largest first
  const of = (row) => {
    const cell = row.cells[column];
    if (numbers) return cell.dataset.value === undefined ? NaN : Number(cell.dataset.value);
    return cell.textContent;
  };
  rows.sort((one, other) => {
    const a = of(one), b = of(other), rank = one.cells[0].dataset.value - other.cells[0].dataset.value;
    if (numbers && (Number.isNaN(a) || Number.isNaN(b))) return Number.isNaN(a) - Number.isNaN(b) || rank; // unknown last
    const by = numbers ? a - b : a.localeCompare(b, undefined, { numeric: true });
    return (down ? -by : by) || rank;
  });
  for (const one of head.parentNode.cells) one.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  body.append(...rows);
}
function fitAssets(room = "") { // what is wider than the page, or than the room, is stacked
  const table = $("assets"), around = table?.parentElement;
  if (!table) return;
  table.classList.remove("is-stacked");
  around.style.maxWidth = room;
  table.classList.toggle("is-stacked", around.scrollWidth > around.clientWidth);
  around.style.maxWidth = "";
}
$("assets")?.closest("details").addEventListener("toggle", () => fitAssets());
$("assets")?.addEventListener("click", (event) => {
  const button = event.target.closest("button"), head = event.target.closest("thead th");
  if (!button) return;
  if (head) sortBy(head.cellIndex, head);
  else if (button.dataset.number) goTo(button.dataset.number);
  else {
    show("all");
    $("asset").value = button.dataset.asset;
    refresh();
    grid.scrollIntoView({ block: "nearest" });
  }
});
