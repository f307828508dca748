// <queue-order>: rows [data-take] are put in another order, by dragging their handle or with arrow up and down on it.
// Each row has a form [data-order] with the fields `by` (-1, 1) and `before` (a take, or nothing for the end).

class QueueOrder extends HTMLElement {
  connectedCallback() {
    const on = { keydown: this.#key, dragstart: this.#start, dragover: this.#over, drop: this.#drop, dragend: this.#end };
    for (const [name, act] of Object.entries(on)) this.addEventListener(name, act);
    document.addEventListener("htmx:before:request", this.#hold);
    document.addEventListener("htmx:after:swap", this.#refocus);
  }

  disconnectedCallback() {
    document.removeEventListener("htmx:before:request", this.#hold);
    document.removeEventListener("htmx:after:swap", this.#refocus);
  }

  #dragged = null;
  #moved = "";

  #row = (event) => event.target.closest?.("[data-take]");

  #send(row, values) {
    const form = row.querySelector("[data-order]");
    this.#moved = row.querySelector("[draggable]").id;
    for (const [name, value] of Object.entries(values)) form.elements[name].value = value;
    form.requestSubmit();
  }

  #key = (event) => {
    const by = { ArrowUp: "-1", ArrowDown: "1" }[event.key];
    if (!by || !event.target.matches("[draggable]")) return;
    event.preventDefault();
    this.#send(this.#row(event), { by, before: "" });
  };

  #start = (event) => {
    this.#dragged = event.target.matches("[draggable]") ? this.#row(event) : null;
    if (!this.#dragged) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", this.#dragged.dataset.take);
    event.dataTransfer.setDragImage(this.#dragged, 0, 0);
    this.#dragged.setAttribute("aria-grabbed", "true");
  };

  #over = (event) => {
    const row = this.#dragged && this.#row(event);
    if (!row) return;
    event.preventDefault();
    this.#clear();
    if (row !== this.#dragged) row.dataset.drop = this.#isBelow(event, row) ? "after" : "before";
  };

  #drop = (event) => {
    const row = this.#dragged && this.#row(event);
    if (!row || row === this.#dragged) return;
    event.preventDefault();
    const rows = [...this.querySelectorAll("[data-take]")].filter((each) => each !== this.#dragged);
    const before = rows[rows.indexOf(row) + (this.#isBelow(event, row) ? 1 : 0)];
    const moved = this.#dragged;
    this.#end();
    this.#send(moved, { by: "", before: before?.dataset.take ?? "" });
  };

  #end = () => {
    this.#dragged?.removeAttribute("aria-grabbed");
    this.#dragged = null;
    this.#clear();
  };

  #clear() {
    for (const row of this.querySelectorAll("[data-drop]")) delete row.dataset.drop;
  }

  #isBelow(event, row) {
    const box = row.getBoundingClientRect();
    return event.clientY > box.top + box.height / 2;
  }

  // While a row is in the hand, the list does not renew itself under it.
  #hold = (event) => {
    if (this.#dragged) event.preventDefault();
  };

  #refocus = () => {
    if (this.#moved) document.getElementById(this.#moved)?.focus();
    this.#moved = "";
  };
}

customElements.define("queue-order", QueueOrder);
