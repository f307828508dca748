// The single place for keys. An element says data-key="j", "Ctrl+Enter", "Shift+M", "x>1" (one after the other),
// several alternatives apart by spaces; pressing one clicks the element, or focuses it where it is a field.
// Keys in fields are left alone unless they hold Ctrl or Cmd. data-key-label says in the dialog what it does.

const NAMES = { " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc" };
const SEQUENCE_MILLISECONDS = 1500;
const root = document.documentElement;

const isField = (element) =>
  element.isContentEditable ||
  element.matches?.("textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=submit], [type=range])");

// Keys that the focused control itself understands.
const isOwn = (element, key) =>
  (["Enter", "Space"].includes(key) && element.matches("a[href], button, summary, input, select, [role=button]")) ||
  (key.startsWith("Arrow") && element.matches("input, select, [role=tab], [role=option], [role=slider]"));

const normal = (key) => (key === " " ? "Space" : key.length === 1 ? key.toLowerCase() : key);

export function chord(event) {
  const key = normal(event.key);
  const letter = /^[a-z]$/.test(key);
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push("Ctrl");
  if (event.altKey) parts.push("Alt");
  if (event.shiftKey && (letter || key.length > 1)) parts.push("Shift");
  return [...parts, key].join("+");
}

const declared = (text) =>
  text.trim().split(/\s+/).map((keys) =>
    keys.split(">").map((one) => one.split("+").map((part) => (part.length === 1 ? part.toLowerCase() : part)).join("+"))
  );

// What lies in a closed menu is as good as visible: its key spares opening the menu.
const visible = (element) => {
  const menu = element.closest("[popover]:not(:popover-open)");
  return menu ? visible(menu.parentElement) : element.checkVisibility();
};

class KeyMap extends HTMLElement {
  #pending = "";
  #timer = 0;

  connectedCallback() {
    document.addEventListener("keydown", this.#press);
    document.addEventListener("click", this.#click);
    this.#dialog?.querySelector("[data-single-keys]")?.addEventListener("change", this.#toggle);
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.#press);
    document.removeEventListener("click", this.#click);
  }

  get #dialog() {
    return document.getElementById("keys-dialog");
  }

  get #single() {
    return root.dataset.keys !== "off";
  }

  #elements() {
    const scope = [...document.querySelectorAll("dialog:modal")].at(-1) ?? document;
    return [...scope.querySelectorAll("[data-key]")].filter((element) => visible(element));
  }

  #press = (event) => {
    if (event.defaultPrevented || event.isComposing || event.repeat && event.key === "Enter") return;
    if (["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
    const target = event.composedPath()[0];
    const pressed = chord(event);
    const held = pressed.startsWith("Ctrl+");
    if (target instanceof Element && !held && (isField(target) || isOwn(target, normal(event.key)))) return;
    if (!held && !this.#single) return;
    if (pressed === "?" ) {
      event.preventDefault();
      return this.open();
    }
    if (this.#find(pressed, target)) event.preventDefault();
  };

  // In a form its own key comes first: Ctrl+Enter in a note saves the note.
  #find(pressed, target) {
    const before = this.#pending;
    this.#remember("");
    const own = target?.form ?? target?.closest?.("form");
    const named = (wanted) => {
      const found = this.#elements().filter((each) => declared(each.dataset.key).some((keys) => keys.join(">") === wanted));
      return found.find((each) => own && each.form === own) ?? found[0];
    };
    const second = before && named(`${before}>${pressed}`);
    if (second) return this.#act(second);
    const starts = this.#elements().some((each) =>
      declared(each.dataset.key).some((keys) => keys.length > 1 && keys[0] === pressed)
    );
    const element = named(pressed);
    if (element) this.#act(element);
    if (starts) this.#remember(pressed);
    return starts || Boolean(element);
  }

  #remember(pressed) {
    clearTimeout(this.#timer);
    this.#pending = pressed;
    root.toggleAttribute("data-key-pending", Boolean(pressed));
    if (pressed) this.#timer = setTimeout(() => this.#remember(this.#menu ? pressed : ""), SEQUENCE_MILLISECONDS);
  }

  // A menu that the first key has opened waits for the second one as long as it is open.
  get #menu() {
    return document.querySelector("[popover]:popover-open [data-key*='>']");
  }

  #act(element) {
    if (element.disabled || element.getAttribute("aria-disabled") === "true") return true;
    if (isField(element)) {
      element.focus();
      element.select?.();
    } else {
      element.click();
    }
    return true;
  }

  #click = (event) => {
    if (event.target.closest?.("[data-open-keys]")) this.open();
  };

  #toggle = (event) => {
    const off = !event.target.checked;
    document.cookie = `keys=${off ? "off" : "on"}; path=/; max-age=31536000; samesite=lax`;
    off ? (root.dataset.keys = "off") : delete root.dataset.keys;
  };

  open() {
    const dialog = this.#dialog;
    if (!dialog || dialog.open) return;
    const rows = new Map();
    const away = (element) => Number(!element.closest("main, dialog"));
    for (const element of this.#elements().sort((a, b) => away(a) - away(b))) {
      const label = element.dataset.keyLabel ?? element.getAttribute("aria-label") ?? element.title ?? "";
      const words = (label || element.textContent).trim().replace(/\s+/g, " ").slice(0, 60);
      if (!rows.has(words)) rows.set(words, element.dataset.key);
    }
    rows.set("These keys", "?");
    const list = dialog.querySelector("[data-keys]");
    list.replaceChildren(...[...rows].map(([words, keys]) => this.#row(words, keys)));
    dialog.querySelector("[data-single-keys]").checked = this.#single;
    dialog.showModal();
  }

  #row(words, keys) {
    const row = document.createElement("div");
    const name = Object.assign(document.createElement("dt"), { textContent: words });
    const value = document.createElement("dd");
    declared(keys).forEach((sequence, index) => {
      if (index) value.append(" or ");
      sequence.join("+").split("+").forEach((part) => {
        const text = NAMES[part] ?? (part.length === 1 ? part.toUpperCase() : part);
        value.append(Object.assign(document.createElement("kbd"), { textContent: text }), " ");
      });
    });
    row.append(name, value);
    return row;
  }
}

customElements.define("key-map", KeyMap);
