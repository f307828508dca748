// <take-desk>: what HTML cannot do at the take desk. The strip asks for news only while nobody is in the middle of
// something, the take in the viewer stays in sight, a note knows its frame.

const FPS = 24;

class TakeDesk extends HTMLElement {
  connectedCallback() {
    this.addEventListener("htmx:before:request", this.#wait);
    this.addEventListener("htmx:after:request", this.#sent);
    this.addEventListener("focusin", this.#note);
    this.addEventListener("click", this.#seek);
    this.addEventListener("toggle", this.#reveal, true);
    document.addEventListener("htmx:after:swap", this.#show);
    this.#show();
  }

  disconnectedCallback() {
    document.removeEventListener("htmx:after:swap", this.#show);
  }

  // A dialog, a menu, or a note that is being written belongs to the take that is shown.
  #wait = (event) => {
    const busy = document.querySelector("dialog:modal, [popover]:popover-open, [data-note] textarea:not(:placeholder-shown)");
    if (event.target.id === "desk-strip" && busy) event.preventDefault();
    if (event.target.id !== "desk-strip") event.target.closest?.(".menu:popover-open")?.hidePopover();
  };

  #sent = (event) => {
    const form = event.target.closest?.("[data-note]");
    if (!form || event.detail.ctx.response.status >= 400) return;
    form.reset();
    form.querySelector("[data-note-at]").textContent = "";
  };

  #show = () => {
    const current = this.querySelector(".take[aria-current]");
    if (current === this.shown?.element && current?.href === this.shown?.href) return;
    this.shown = { element: current, href: current?.href };
    current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  };

  #note = (event) => {
    const form = event.target.closest("[data-note]");
    const video = this.querySelector("frame-player video, take-compare [data-side=a] video");
    if (!form || !event.target.matches("textarea") || !video) return;
    video.pause();
    const frame = Math.floor(video.currentTime * FPS + 0.001);
    form.elements.frame.value = frame;
    form.querySelector("[data-note-at]").textContent = `at ${this.querySelector(".player-time")?.value.split(" / ")[0] ?? `frame ${frame}`}`;
  };

  #seek = (event) => {
    const button = event.target.closest("[data-seek]");
    const player = this.querySelector("frame-player");
    if (!button || !player) return;
    player.video.pause();
    player.seekFrame(Number(button.dataset.seek));
  };

  #reveal = (event) => {
    if (event.target.open && event.newState === "open") event.target.scrollIntoView({ block: "nearest" });
  };
}

customElements.define("take-desk", TakeDesk);
