// <take-compare mode="side">: two takes against each other, [data-side=a] and [data-side=b] in .compare-stage, pictures
// or videos. M goes through the modes, C swaps them. Videos run together: the second follows the first.

const MODES = [
  ["one", "One"],
  ["side", "Side by side"],
  ["slider", "Slider"],
  ["difference", "Difference"],
];
const DRIFT_SECONDS = 0.04;

const icon = (name) =>
  `<svg class="icon" aria-hidden="true"><use href="${document.documentElement.dataset.sprite}#${name}"/></svg>`;

const BAR = `
  <div class="buttons buttons--joined" role="group" aria-label="Compare">
    ${MODES.map(([mode, label]) => `<button class="button button--small" type="button" data-mode="${mode}" title="${label}" aria-label="${label}">${icon(mode)}</button>`).join("")}
  </div>
  <input class="compare-split" type="range" min="0" max="100" value="50" aria-label="Divider">
  <div class="buttons">
    <span class="buttons" data-video hidden>
      <button class="button button--small button--icon" type="button" data-do="play" data-key="Space k" aria-label="Play or pause both">${icon("play")}</button>
      <button class="button button--small button--icon" type="button" data-do="back" data-key="ArrowLeft" aria-label="One frame back">${icon("frame-back")}</button>
      <button class="button button--small button--icon" type="button" data-do="forward" data-key="ArrowRight" aria-label="One frame forward">${icon("frame-forward")}</button>
      <span class="visually-hidden"><button type="button" tabindex="-1" data-do="back5" data-key="j" data-key-label="Five frames back">−5</button><button type="button" tabindex="-1" data-do="forward5" data-key="l" data-key-label="Five frames forward">+5</button><button type="button" tabindex="-1" data-do="mute" data-key="Shift+M" data-key-label="Mute">mute</button></span>
    </span>
    <button class="button button--small" type="button" data-do="swap" data-key="c" data-key-label="Swap the compared takes">${icon("swap")}Swap</button>
    <span class="visually-hidden"><button type="button" tabindex="-1" data-do="next" data-key="m" data-key-label="Next way to compare">next</button></span>
  </div>`;

class TakeCompare extends HTMLElement {
  static observedAttributes = ["mode"];

  connectedCallback() {
    if (this.querySelector(".compare-bar")) return;
    const bar = Object.assign(document.createElement("div"), { className: "compare-bar", innerHTML: BAR });
    this.append(bar);
    bar.addEventListener("click", (event) => this.#do(event.target.closest("button")));
    this.split = bar.querySelector(".compare-split");
    this.split.addEventListener("input", () => this.style.setProperty("--split", `${this.split.value}%`));
    this.querySelector(".compare-stage").addEventListener("pointermove", this.#drag);
    this.querySelector("[data-video]").hidden = !this.#videos.length;
    this.#videos.forEach((video) => {
      for (const name of ["play", "pause", "seeked", "ratechange"]) video.addEventListener(name, this.#follow);
    });
    this.#show();
  }

  attributeChangedCallback() {
    if (this.split) this.#show();
  }

  get #videos() {
    return [...this.querySelectorAll("[data-side=a] video, [data-side=b] video")];
  }

  get #leader() {
    return this.querySelector("[data-side=a] video") ?? this.querySelector("[data-side=b] video");
  }

  #do(button) {
    if (!button) return;
    if (button.dataset.mode) this.setAttribute("mode", button.dataset.mode);
    const what = button.dataset.do;
    if (what === "next") {
      const at = MODES.findIndex(([mode]) => mode === this.getAttribute("mode"));
      this.setAttribute("mode", MODES[(at + 1) % MODES.length][0]);
    }
    if (what === "swap") this.#swap();
    if (what === "play") this.#play();
    if (what === "mute" && this.#leader) this.#leader.muted = !this.#leader.muted;
    if (what === "back" || what === "forward") this.#step(what === "back" ? -1 : 1);
    if (what === "back5" || what === "forward5") this.#step(what === "back5" ? -5 : 5);
  }

  #swap() {
    const [a, b] = [this.querySelector("[data-side=a]"), this.querySelector("[data-side=b]")];
    a.dataset.side = "b";
    b.dataset.side = "a";
    this.dispatchEvent(new CustomEvent("swapped", { bubbles: true }));
  }

  #play() {
    const leader = this.#leader;
    leader?.paused ? leader.play().catch(() => {}) : leader?.pause();
  }

  #step(frames) {
    const leader = this.#leader;
    if (!leader) return;
    const fps = Number(leader.dataset.fps) || 24;
    leader.pause();
    const frame = Math.max(0, Math.floor(leader.currentTime * fps + 0.001) + frames);
    leader.currentTime = Math.min((frame + 0.5) / fps, leader.duration || 0);
  }

  #follow = (event) => {
    const leader = this.#leader;
    this.querySelector("[data-do=play] use")?.setAttribute("href", `${document.documentElement.dataset.sprite}#${leader.paused ? "play" : "pause"}`);
    if (event.target !== leader) return;
    for (const video of this.#videos) {
      if (video === leader) continue;
      video.playbackRate = leader.playbackRate;
      if (Math.abs(video.currentTime - leader.currentTime) > DRIFT_SECONDS) video.currentTime = leader.currentTime;
      leader.paused ? video.pause() : video.play().catch(() => {});
    }
  };

  #drag = (event) => {
    if (this.getAttribute("mode") !== "slider" || !event.buttons) return;
    const box = event.currentTarget.getBoundingClientRect();
    this.split.value = Math.min(100, Math.max(0, ((event.clientX - box.left) / box.width) * 100));
    this.style.setProperty("--split", `${this.split.value}%`);
  };

  #show() {
    const mode = this.getAttribute("mode");
    for (const button of this.querySelectorAll("[data-mode]")) button.setAttribute("aria-pressed", button.dataset.mode === mode);
    this.style.setProperty("--split", `${this.split.value}%`);
  }
}

customElements.define("take-compare", TakeCompare);
