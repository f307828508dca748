// Elements too small for a file of their own: theme switch, copy button, remembered filters, notes that save themselves.

class ThemeSwitch extends HTMLElement {
  connectedCallback() {
    this.addEventListener("change", (event) => {
      const theme = event.target.value;
      const age = theme === "system" ? 0 : 31536000;
      document.cookie = `theme=${theme}; path=/; max-age=${age}; samesite=lax`;
      if (theme === "system") delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = theme;
    });
  }
}

class CopyButton extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", async (event) => {
      const button = event.target.closest("[data-copy]");
      if (!button) return;
      await navigator.clipboard.writeText(button.dataset.copy);
      const use = button.querySelector("use");
      const before = use?.getAttribute("href");
      use?.setAttribute("href", before.replace(/#.*/, "#check"));
      setTimeout(() => use?.setAttribute("href", before), 1500);
    });
  }
}

// Opened without any filter, a list shows the ones last used here; a link with data-clear-filters forgets them.
class RememberFilters extends HTMLElement {
  connectedCallback() {
    this.key = `filters:${location.pathname}:${this.getAttribute("name") ?? ""}`;
    const kept = localStorage.getItem(this.key);
    if (!location.search && kept) return location.replace(`${location.pathname}?${kept}`);
    this.addEventListener("change", () => queueMicrotask(() => this.#keep()));
    this.addEventListener("submit", () => this.#keep());
    this.addEventListener("click", (event) => {
      if (event.target.closest("[data-clear-filters]")) localStorage.removeItem(this.key);
    });
  }

  #keep() {
    const form = this.querySelector("form");
    const chosen = [...new FormData(form)].filter(([name, value]) => value && name !== "csrfmiddlewaretoken");
    const query = new URLSearchParams(chosen).toString();
    if (query) localStorage.setItem(this.key, query);
    else localStorage.removeItem(this.key);
  }
}

// Around a form that saves as one types (htmx): says saving, saved, or failed in its [data-saving].
class SavingNote extends HTMLElement {
  connectedCallback() {
    this.addEventListener("input", () => this.#say("unsaved", "not saved yet"));
    this.addEventListener("htmx:before:request", () => this.#say("saving", "saving"));
    this.addEventListener("htmx:after:request", (event) => {
      const ok = event.detail.ctx.response?.status < 400;
      this.#say(ok ? "saved" : "failed", ok ? "saved" : "not saved: try again");
    });
    this.addEventListener("htmx:error", () => this.#say("failed", "not saved: try again"));
  }

  #say(state, words) {
    const shown = this.querySelector("[data-saving]");
    if (!shown) return;
    shown.dataset.state = state;
    shown.textContent = words;
  }
}

// <tick-all>: around rows with checkboxes. [data-all] ticks them all, [data-ticked] counts them, and a button with
// data-needs-ticks waits for the first.
class TickAll extends HTMLElement {
  connectedCallback() {
    this.addEventListener("change", this.#changed);
    this.#tell();
  }

  disconnectedCallback() {
    this.removeEventListener("change", this.#changed);
  }

  get #boxes() {
    return [...this.querySelectorAll("input[type=checkbox]:not([data-all])")];
  }

  #changed = (event) => {
    if (event.target.matches("[data-all]")) this.#boxes.forEach((box) => (box.checked = event.target.checked));
    this.#tell();
  };

  #tell() {
    const boxes = this.#boxes;
    const ticked = boxes.filter((box) => box.checked).length;
    for (const all of this.querySelectorAll("[data-all]")) {
      all.checked = ticked > 0 && ticked === boxes.length;
      all.indeterminate = ticked > 0 && ticked < boxes.length;
    }
    for (const shown of this.querySelectorAll("[data-ticked]")) shown.textContent = ticked;
    for (const button of this.querySelectorAll("[data-needs-ticks]")) button.disabled = !ticked;
  }
}

customElements.define("theme-switch", ThemeSwitch);
customElements.define("tick-all", TickAll);
customElements.define("copy-button", CopyButton);
customElements.define("remember-filters", RememberFilters);
customElements.define("saving-note", SavingNote);

// Names for menus that open beside their button; the menu itself is the browser's popover.
function anchorMenus() {
  for (const button of document.querySelectorAll("[popovertarget]")) {
    const menu = document.getElementById(button.getAttribute("popovertarget"));
    if (!menu?.matches(".menu")) continue;
    button.style.setProperty("anchor-name", `--${menu.id}`);
    menu.style.setProperty("position-anchor", `--${menu.id}`);
  }
}

anchorMenus();
document.addEventListener("htmx:after:swap", anchorMenus);

// A chart that is still being drawn shows its grid instead; see figure.css.
const chart = (image) => image.matches?.(".chart > img") && image;
const drawn = (image) => {
  image.dataset.drawn = image.naturalWidth ? "yes" : "failed";
  const around = image.parentElement; // with data-newest, what is latest is in sight where the chart does not fit
  if ("newest" in around.dataset) around.scrollLeft = around.scrollWidth;
};
for (const kind of ["load", "error"]) {
  document.addEventListener(kind, (event) => chart(event.target) && drawn(event.target), true);
}
const noteCharts = () => {
  for (const image of document.querySelectorAll(".chart > img")) if (image.complete && image.currentSrc) drawn(image);
};
noteCharts();
document.addEventListener("htmx:after:swap", noteCharts);

// Where tabs do not fit, the current one is in sight.
for (const tab of document.querySelectorAll('.tabs [aria-current="page"]')) {
  const row = tab.parentElement;
  row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
}

// A plain form's button with data-once works once, however long the answer takes, until the page is shown again.
document.addEventListener("submit", (event) => {
  const button = event.submitter?.closest("[data-once]") ?? event.target.querySelector("[data-once]");
  if (!button || event.defaultPrevented || event.target.matches("[hx-post]")) return;
  if (button.dataset.once === "sent") return event.preventDefault();
  button.dataset.once = "sent";
  button.setAttribute("aria-disabled", "true");
});

addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll('[data-once="sent"]')) {
    button.dataset.once = "";
    button.removeAttribute("aria-disabled");
  }
});
