// [data-play-all]: every row of the list that has a [data-src] shown large, one after the other; a picture stays five
// seconds, a video plays once. Arrow keys go on and back, Space stands still, Escape closes.

const PICTURE_MILLISECONDS = 5000;

class Playlist {
  constructor(dialog, items) {
    Object.assign(this, { dialog, items, at: 0, timer: 0 });
    dialog.addEventListener("keydown", this.#press);
    dialog.addEventListener("close", () => this.#end(), { once: true });
    dialog.showModal();
    this.show(0);
  }

  show(by) {
    clearTimeout(this.timer);
    this.at = (this.at + by + this.items.length) % this.items.length;
    const { src, kind, name } = this.items[this.at].dataset;
    const shown = document.createElement(kind === "video" ? "video" : "img");
    Object.assign(shown, kind === "video" ? { autoplay: true, playsInline: true, muted: true } : { alt: name });
    shown.src = src;
    shown.addEventListener("ended", () => this.show(1));
    if (kind !== "video") this.timer = setTimeout(() => this.show(1), PICTURE_MILLISECONDS);
    const words = Object.assign(document.createElement("p"), { textContent: `${this.at + 1} of ${this.items.length}: ${name}` });
    this.dialog.replaceChildren(shown, words);
  }

  #press = (event) => {
    if (event.key === "ArrowRight") this.show(1);
    if (event.key === "ArrowLeft") this.show(-1);
    if (event.key !== " ") return;
    event.preventDefault();
    const video = this.dialog.querySelector("video");
    clearTimeout(this.timer);
    video?.paused ? video.play() : video?.pause();
  };

  #end() {
    clearTimeout(this.timer);
    this.dialog.removeEventListener("keydown", this.#press);
    this.dialog.replaceChildren();
  }
}

document.addEventListener("click", (event) => {
  const items = [...document.querySelectorAll("[data-row] [data-src]")];
  if (event.target.closest?.("[data-play-all]") && items.length) new Playlist(document.getElementById("playlist"), items);
});
