// Search, filter, sort and open the clients. What is chosen stands in the address behind #, so that it can be kept.
(() => {
  "use strict";
  const table = document.getElementById("clients");
  const search = document.getElementById("search");
  const tools = document.getElementById("tools");
  const shown = document.getElementById("shown");
  const noneShown = document.getElementById("none-shown");
  const rows = [...table.querySelectorAll("tbody[data-key]")];
  const original = [...rows];
  const foot = table.tFoot;
  const sorters = [...table.tHead.querySelectorAll("button[data-sort]")];
  const texts = new WeakMap();
  let sorted = "";

  const fold = (text) => text.normalize("NFKC").toLowerCase();
  const textOf = (element) => {
    if (!texts.has(element)) texts.set(element, fold(element.textContent.replace(/\s+/g, " ")));
    return texts.get(element);
  };
  const wordsOf = () => fold(search.value).split(/\s+/).filter(Boolean);
  const isIn = (words, element) => words.every((word) => textOf(element).includes(word));

  const marks = (body, words) => {
    for (const line of body.querySelectorAll(".line"))
      line.classList.toggle("hit", words.length > 0 && isIn(words, line));
  };
  const open = (body, wanted) => {
    const detail = body.rows[1];
    detail.classList.toggle("open", wanted);
    body.querySelector(".toggle").setAttribute("aria-expanded", String(wanted));
    if (wanted) marks(body, wordsOf());
  };
  const isOpen = (body) => body.rows[1].classList.contains("open");

  const remember = () => {
    const kept = new URLSearchParams();
    if (search.value) kept.set("q", search.value);
    const tags = [...tools.querySelectorAll("input:checked")].map((box) => box.value);
    if (tags.length) kept.set("show", tags.join(","));
    if (sorted) kept.set("sort", sorted);
    const opened = rows.filter(isOpen);
    if (opened.length && opened.length <= 5) kept.set("open", opened.map((body) => body.dataset.key).join(","));
    try {
      history.replaceState(null, "", kept.toString() ? `#${kept}` : location.pathname + location.search);
    } catch {
      // Some browsers keep no address for a file; then nothing is remembered.
    }
  };

  const show = () => {
    const words = wordsOf();
    const groups = [...tools.querySelectorAll("fieldset")]
      .map((group) => [...group.querySelectorAll("input:checked")].map((box) => box.value))
      .filter((tags) => tags.length);
    let count = 0;
    for (const body of rows) {
      const tags = body.dataset.tags.split(" ");
      const isWanted = groups.every((group) => group.some((tag) => tags.includes(tag))) && isIn(words, body);
      body.classList.toggle("out", !isWanted);
      count += isWanted;
      if (isWanted && isOpen(body)) marks(body, words);
    }
    shown.value = count === rows.length ? `${count} rows` : `${count} of ${rows.length} rows`;
    noneShown.hidden = count > 0 || !rows.length;
  };

  const valueOf = (body, column) => {
    const cell = body.rows[0].cells[column];
    return cell.dataset.value ?? cell.textContent.trim();
  };
  const compare = (column, isNumber, direction) => (one, other) => {
    const [first, second] = [valueOf(one, column), valueOf(other, column)];
    if (!isNumber) return direction * first.localeCompare(second, undefined, { numeric: true, sensitivity: "base" });
    const [a, b] = [parseFloat(first), parseFloat(second)];
    // What has no amount comes last, whichever way it is sorted.
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
    return direction * (a - b);
  };
  const sortBy = (chosen) => {
    sorted = chosen;
    const name = chosen.replace(/^-/, "");
    const direction = chosen.startsWith("-") ? -1 : 1;
    rows.splice(0, rows.length, ...original);
    for (const button of sorters) {
      const head = button.closest("th");
      const isChosen = button.dataset.sort === name;
      head.setAttribute("aria-sort", !isChosen ? "none" : direction > 0 ? "ascending" : "descending");
      if (isChosen) rows.sort(compare(head.cellIndex, head.classList.contains("number"), direction));
    }
    const sheaf = document.createDocumentFragment();
    sheaf.append(...rows);
    table.insertBefore(sheaf, foot);
  };

  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { show(); remember(); }, 120);
  });
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.addEventListener("change", () => { show(); remember(); });
  tools.addEventListener("reset", () => setTimeout(() => { show(); remember(); }));
  document.getElementById("open-all").addEventListener("click", () => {
    for (const body of rows) if (!body.classList.contains("out")) open(body, true);
    remember();
  });
  document.getElementById("close-all").addEventListener("click", () => {
    for (const body of rows) open(body, false);
    remember();
  });
  table.addEventListener("click", (event) => {
    const toggle = event.target.closest(".toggle");
    const sorter = event.target.closest("button[data-sort]");
    if (toggle) open(toggle.closest("tbody"), toggle.getAttribute("aria-expanded") !== "true");
    else if (sorter) {
      const name = sorter.dataset.sort;
      const isNumber = sorter.closest("th").classList.contains("number");
      const first = isNumber ? `-${name}` : name;
      sortBy(sorted === first ? (isNumber ? name : `-${name}`) : first);
    } else return;
    remember();
  });
  for (const button of document.querySelectorAll(".find"))
    button.addEventListener("click", () => {
      search.value = button.dataset.find;
      show();
      remember();
      search.focus();
      table.scrollIntoView();
    });

  const kept = new URLSearchParams(location.hash.slice(1));
  search.value = kept.get("q") ?? "";
  const tags = (kept.get("show") ?? "").split(",");
  for (const box of tools.querySelectorAll("input[type=checkbox]")) box.checked = tags.includes(box.value);
  if (kept.get("sort")) sortBy(kept.get("sort"));
  const opened = (kept.get("open") ?? "").split(",");
  for (const body of rows) if (opened.includes(body.dataset.key)) open(body, true);
  show();
})();
