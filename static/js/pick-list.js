// <pick-list>: a list worked through by keys. Rows are [data-row] (a link inside, or the row itself, opens it); J and K
// move, Shift with them extends, what is picked goes into the checkbox of the row where it has one.
// Event "picked" tells {rows}; the chosen row has aria-current.

const MOVES = `
  <span class="visually-hidden">
    <button type="button" tabindex="-1" data-move="1" data-key="j" data-key-label="Next in the list">next</button>
    <button type="button" tabindex="-1" data-move="-1" data-key="k" data-key-label="Previous in the list">previous</button>
    <button type="button" tabindex="-1" data-move="1" data-extend data-key="Shift+J" data-key-label="Extend to the next">extend</button>
    <button type="button" tabindex="-1" data-move="-1" data-extend data-key="Shift+K" data-key-label="Extend to the previous">extend back</button>
  </span>`;

class PickList extends HTMLElement {
  connectedCallback() {
    if (!this.querySelector("[data-move]")) this.insertAdjacentHTML("afterbegin", MOVES);
    this.addEventListener("click", this.#click);
    this.addEventListener("change", this.#changed);
  }

  disconnectedCallback() {
    this.removeEventListener("click", this.#click);
    this.removeEventListener("change", this.#changed);
  }

  get rows() {
    return [...this.querySelectorAll("[data-row]")];
  }

  get current() {
    return this.rows.find((row) => row.getAttribute("aria-current") === "true");
  }

  #click = (event) => {
    const button = event.target.closest("[data-move]");
    if (button) return this.#move(Number(button.dataset.move), "extend" in button.dataset);
    const row = event.target.closest("[data-row]");
    if (row && !event.target.closest("input, label, button")) this.#mark(row);
  };

  #changed = () => this.#tell();

  #move(by, extend) {
    const { rows } = this;
    if (!rows.length) return;
    const at = rows.indexOf(this.current);
    const next = rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
    if (extend) [rows[at], next].forEach((row) => this.#pick(row));
    this.#mark(next);
    next.scrollIntoView({ block: "nearest" });
    if (extend) return this.#tell();
    (next.matches("a") ? next : next.querySelector("a"))?.click();
  }

  #pick(row) {
    const box = row?.querySelector("input[type=checkbox]");
    if (box) box.checked = true;
  }

  #mark(row) {
    for (const each of this.rows) {
      if (each === row) each.setAttribute("aria-current", "true");
      else each.removeAttribute("aria-current");
    }
  }

  #tell() {
    const rows = this.rows.filter((row) => row.querySelector("input[type=checkbox]")?.checked);
    this.dispatchEvent(new CustomEvent("picked", { bubbles: true, detail: { rows } }));
    const shown = this.querySelector("[data-picked]");
    if (shown) shown.textContent = rows.length ? `${rows.length} picked` : "";
  }
}

customElements.define("pick-list", PickList);
