// Passing messages. The server adds them to #toasts; failed requests speak here too. A message leaves after seven
// seconds, an error stays, one with data-until (undo) stays until then and counts down.

const LINGER_MILLISECONDS = 7000;

const ANSWERS = {
  401: "You are signed out. Sign in again, then repeat this.",
  403: "Your role does not allow this. Ask an admin of the workspace.",
  404: "This is not there any more. Reload the page.",
  503: "The database does not answer. Try again in a few seconds.",
  429: "Too many requests at once. Wait a moment and try again.",
};

class ToastRegion extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => event.target.closest("[data-dismiss]")?.closest(".toast").remove());
    this.observer = new MutationObserver(() => this.#start());
    this.observer.observe(this, { childList: true });
    this.#start();
  }

  disconnectedCallback() {
    this.observer.disconnect();
  }

  #start() {
    for (const toast of this.querySelectorAll(".toast:not([data-started])")) {
      toast.dataset.started = "";
      if (toast.dataset.until) this.#countDown(toast, new Date(toast.dataset.until));
      else if (!toast.matches(".toast--error")) this.#leave(toast, LINGER_MILLISECONDS);
    }
  }

  #leave(toast, milliseconds) {
    setTimeout(() => {
      if (toast.matches(":hover, :focus-within")) this.#leave(toast, 2000);
      else toast.remove();
    }, milliseconds);
  }

  #countDown(toast, until) {
    const shown = toast.querySelector("[data-countdown]");
    const tick = () => {
      const seconds = Math.ceil((until - Date.now()) / 1000);
      if (seconds <= 0 || !toast.isConnected) return toast.remove();
      if (shown) shown.textContent = `${seconds} s`;
      setTimeout(tick, 1000);
    };
    tick();
  }

  say(words) {
    const toast = document.getElementById("toast-template").content.firstElementChild.cloneNode(true);
    toast.querySelector(".toast__words").textContent = words;
    this.append(toast);
  }
}

customElements.define("toast-region", ToastRegion);

const region = () => document.getElementById("toasts");

document.addEventListener("htmx:response:error", (event) => {
  const { status } = event.detail.ctx.response;
  if (status === 402 || status === 409 || status === 422) return; // answered in place
  const broke = status >= 500 && "The server could not do this. Nothing was changed; try again.";
  region()?.say(ANSWERS[status] || broke || `This was refused (${status}). Reload the page and try again.`);
});

document.addEventListener("htmx:error", (event) => {
  if (event.detail.error?.name === "AbortError") return;
  region()?.say("The server cannot be reached. Check the connection and try again.");
});
