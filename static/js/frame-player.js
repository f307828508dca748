// <frame-player fps="24"><video …></video></frame-player>: play, step by frames, scrub, loop, mute, speed, full screen.
// Its buttons carry the keys (data-key); the key map presses them. Event "frame" tells {frame, seconds}.

const SPEEDS = [1, 0.5, 0.25, 2];

export const timecode = (seconds, fps) => {
  const frame = Math.floor(seconds * fps + 0.001);
  const whole = Math.floor(frame / fps);
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  const clock = minutes ? `${minutes} min ${two(whole % 60)} s` : `${whole} s`;
  return `${clock} ${two(frame % Math.round(fps))} f`;
};

const icon = (name) =>
  `<svg class="icon" aria-hidden="true"><use href="${document.documentElement.dataset.sprite}#${name}"/></svg>`;

const button = (name, label, keys, sign, words = "") =>
  `<button class="button button--small button--icon" type="button" data-do="${name}" aria-label="${label}" title="${label}"` +
  `${keys ? ` data-key="${keys}"` : ""}>${sign ? icon(sign) : words}</button>`;

const BAR =
  button("play", "Play or pause", "Space k", "play") +
  button("back", "One frame back", "ArrowLeft", "frame-back") +
  button("forward", "One frame forward", "ArrowRight", "frame-forward") +
  `<input type="range" min="0" max="1000" step="1" value="0" aria-label="Position">` +
  `<output class="player-time">0 s 00 f</output>` +
  button("loop", "Loop", "", "loop") +
  button("mute", "Mute", "Shift+M", "sound") +
  `<button class="button button--small" type="button" data-do="speed" aria-label="Speed">1×</button>` +
  button("full", "Full screen", "", "full-screen") +
  `<span class="visually-hidden"><button type="button" data-do="back5" tabindex="-1" data-key="j" data-key-label="Five frames back">−5</button>` +
  `<button type="button" data-do="forward5" tabindex="-1" data-key="l" data-key-label="Five frames forward">+5</button></span>`;

class FramePlayer extends HTMLElement {
  connectedCallback() {
    this.video = this.querySelector("video");
    if (!this.video || this.querySelector(".player-bar")) return;
    this.fps = Number(this.getAttribute("fps")) || 24;
    const bar = Object.assign(document.createElement("div"), { className: "player-bar", innerHTML: BAR });
    this.append(bar);
    this.range = bar.querySelector("input");
    this.output = bar.querySelector("output");
    bar.addEventListener("click", (event) => this.#do(event.target.closest("[data-do]")?.dataset.do));
    this.range.addEventListener("input", () => this.seek((this.range.value / 1000) * (this.video.duration || 0)));
    for (const name of ["play", "pause", "volumechange", "ratechange"]) this.video.addEventListener(name, this.#show);
    for (const name of ["timeupdate", "seeked", "loadedmetadata"]) this.video.addEventListener(name, this.#tell);
    this.video.addEventListener("click", () => this.#do("play"));
    this.#show();
    this.#watch();
  }

  disconnectedCallback() {
    this.video?.pause();
  }

  get frame() {
    return Math.floor(this.video.currentTime * this.fps + 0.001);
  }

  // The middle of a frame, so that rounding never shows its neighbour.
  seekFrame(frame) {
    const last = Math.max(0, Math.ceil((this.video.duration || 0) * this.fps) - 1);
    this.seek((Math.min(Math.max(frame, 0), last) + 0.5) / this.fps);
  }

  seek(seconds) {
    if (Number.isFinite(seconds)) this.video.currentTime = seconds;
  }

  step(frames) {
    this.video.pause();
    this.seekFrame(this.frame + frames);
  }

  #do(what) {
    const { video } = this;
    if (what === "play") video.paused ? video.play().catch(() => {}) : video.pause();
    if (what === "back") this.step(-1);
    if (what === "forward") this.step(1);
    if (what === "back5") this.step(-5);
    if (what === "forward5") this.step(5);
    if (what === "mute") video.muted = !video.muted;
    if (what === "speed") video.playbackRate = SPEEDS[(SPEEDS.indexOf(video.playbackRate) + 1) % SPEEDS.length];
    if (what === "full") document.fullscreenElement ? document.exitFullscreen() : this.requestFullscreen();
    if (what === "loop") {
      video.loop = !video.loop;
      this.#show();
    }
  }

  #sign(name, sign, pressed) {
    const element = this.querySelector(`[data-do=${name}]`);
    element.querySelector("use").setAttribute("href", `${document.documentElement.dataset.sprite}#${sign}`);
    if (pressed !== undefined) element.setAttribute("aria-pressed", pressed);
  }

  #show = () => {
    const { video } = this;
    this.#sign("play", video.paused ? "play" : "pause");
    this.#sign("mute", video.muted ? "mute" : "sound", video.muted);
    this.#sign("loop", "loop", video.loop);
    this.querySelector("[data-do=speed]").textContent = `${video.playbackRate}×`;
  };

  #tell = () => {
    const { video, fps } = this;
    if (!this.matches(":has(input:active)")) this.range.value = video.duration ? (video.currentTime / video.duration) * 1000 : 0;
    this.output.textContent = `${timecode(video.currentTime, fps)} / ${timecode(video.duration || 0, fps)}`;
    this.range.setAttribute("aria-valuetext", `frame ${this.frame}`);
    this.dispatchEvent(new CustomEvent("frame", { bubbles: true, detail: { frame: this.frame, seconds: video.currentTime } }));
  };

  // timeupdate comes four times a second; the browser's frame callback comes with each picture.
  #watch() {
    this.video.requestVideoFrameCallback?.(() => {
      if (!this.isConnected) return;
      this.#tell();
      this.#watch();
    });
  }
}

customElements.define("frame-player", FramePlayer);
