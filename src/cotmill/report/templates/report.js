"use strict";
(() => {
  const PAGE = 20;
  const HEADLINE = 160;

  /** Make an element with a class and, always as text and never as markup, its content. */
  function make(tag, className, text) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  }

  const count = (n) => n.toLocaleString("en-US");

  /* ---- light and dark ------------------------------------------------------------------------ */

  function themes() {
    const button = document.getElementById("theme");
    const root = document.documentElement;
    const system = matchMedia("(prefers-color-scheme: dark)");
    const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
    const show = () => { button.textContent = dark() ? "Light mode" : "Dark mode"; };
    try {
      const kept = localStorage.getItem("cotmill-theme");
      if (kept === "light" || kept === "dark") root.dataset.theme = kept;
    } catch { /* a page from disk may have no storage; then the choice lasts as long as the page */ }
    button.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      try { localStorage.setItem("cotmill-theme", root.dataset.theme); } catch { /* as above */ }
      show();
    });
    system.addEventListener("change", show);
    button.hidden = false;
    show();
  }

  /* ---- viewers: filter, search, sort, page over rows that are embedded as JSON ----------------- */

  class Viewer {
    constructor(root) {
      this.root = root;
      this.data = JSON.parse(document.getElementById(root.dataset.payload).textContent);
      this.rows = this.data.rows.map(([facets, numbers, texts], at) => ({ at, facets, numbers, texts }));
      this.lower = this.data.texts.map((text) => text.toLowerCase());
      this.page = 0;
      this.form = root.querySelector("form");
      this.list = root.querySelector(".rows");
      this.pager = root.querySelector(".pager");
      this.controls();
      this.update();
    }

    controls() {
      this.facets = this.data.facets.map((facet) => this.choice(facet.label, ["all", ...facet.values]));
      if (this.data.sorts.length) {
        this.order = this.choice("Order", ["as listed", ...this.data.sorts.map(([label]) => label)]);
      }
      let waiting = 0;
      const later = () => { clearTimeout(waiting); waiting = setTimeout(() => this.update(), 120); };
      this.form.search.addEventListener("input", later);
      this.form.addEventListener("change", () => this.update());
      this.form.addEventListener("submit", (event) => { event.preventDefault(); this.update(); });
      this.pager.addEventListener("click", (event) => {
        const move = Number(event.target.dataset.move);
        if (move) this.show(this.page + move, true);
      });
      this.form.hidden = false;
    }

    choice(label, names) {
      const box = make("label", "", label);
      const select = make("select");
      select.name = label;
      names.forEach((name, at) => {
        const option = make("option", "", name || "(none)");
        option.value = String(at);
        select.append(option);
      });
      box.append(select);
      box.hidden = names.length < 3;
      this.form.append(box);
      return select;
    }

    update() {
      const words = this.form.search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const wanted = this.facets.map((select) => Number(select.value) - 1);
      this.found = this.rows.filter((row) =>
        wanted.every((value, at) => value < 0 || row.facets[at] === value) &&
        words.every((word) => row.texts.some((text) => this.lower[text].includes(word))));
      this.sort();
      this.show(0, false);
    }

    sort() {
      const chosen = this.order ? Number(this.order.value) - 1 : -1;
      if (chosen < 0) return;
      const [, number, falling] = this.data.sorts[chosen];
      const way = falling ? -1 : 1;
      this.found.sort((a, b) => {
        const [x, y] = [a.numbers[number], b.numbers[number]];
        if (x === null || y === null) return (x === null) - (y === null) || a.at - b.at;
        return way * (x - y) || a.at - b.at;
      });
    }

    show(page, moved) {
      const pages = Math.max(1, Math.ceil(this.found.length / PAGE));
      this.page = Math.min(Math.max(0, page), pages - 1);
      const start = this.page * PAGE;
      const rows = this.found.slice(start, start + PAGE);
      this.list.replaceChildren(...this.groups(rows));
      const range = rows.length ? `${count(start + 1)}–${count(start + rows.length)} of ` : "";
      const all = this.found.length === this.rows.length ? "" : ` (of ${count(this.rows.length)} on this page)`;
      this.root.querySelector(".status").textContent = `${range}${count(this.found.length)} rows${all}`;
      this.pager.hidden = pages < 2;
      this.pager.querySelector(".page").textContent = `page ${count(this.page + 1)} of ${count(pages)}`;
      const [back, on] = this.pager.querySelectorAll("button");
      back.disabled = this.page === 0;
      on.disabled = this.page === pages - 1;
      if (moved) this.form.scrollIntoView({ block: "start" });
    }

    /** Gather neighbours with the same question under it. */
    groups(rows) {
      const made = [];
      let last = -1;
      for (const row of rows) {
        const head = row.texts[this.data.head];
        if (head !== last) {
          const item = make("li");
          item.append(this.start("p", "question", head));
          made.push(item);
          last = head;
        }
        made[made.length - 1].append(this.card(row));
      }
      return made;
    }

    /** Make an element with the beginning of a text on one line. */
    start(tag, className, at) {
      const text = this.data.texts[at].replace(/\s+/g, " ").trim();
      const node = make(tag, className, text.length > HEADLINE ? `${text.slice(0, HEADLINE)}…` : text || "(empty)");
      node.dir = "auto";
      return node;
    }

    card(row) {
      const box = make("details", "row");
      const summary = make("summary");
      const badges = make("span", "badges");
      row.facets.forEach((value, at) => {
        const facet = this.data.facets[at];
        if (facet.values[value] && facet.values.length > 1) {
          const badge = make("span", `badge ${facet.tones[value]}`, facet.values[value]);
          badge.title = facet.label;
          badges.append(badge);
        }
      });
      row.numbers.forEach((value, at) => {
        if (value !== null) badges.append(make("span", "badge number", `${this.data.numbers[at].toLowerCase()} ${value}`));
      });
      summary.append(this.start("span", "headline", row.texts[this.data.line]), badges);
      box.append(summary);
      box.addEventListener("toggle", () => { if (box.open && box.childElementCount === 1) box.append(this.body(row)); });
      return box;
    }

    body(row) {
      const list = make("dl");
      row.texts.forEach((text, at) => {
        const whole = this.data.texts[text];
        // What already stands above, in full, is not said again.
        if (!whole || (at === this.data.head && whole.length <= HEADLINE)) return;
        const value = make("dd", "", whole);
        value.dir = "auto";
        list.append(make("dt", "", this.data.blocks[at]), value);
      });
      return list;
    }
  }

  themes();
  document.querySelectorAll(".viewer").forEach((root) => new Viewer(root));
})();
