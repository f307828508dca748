// Questions before actions, in the page's own dialog. For htmx: hx-confirm="words". For plain forms and links:
// data-confirm="words" on the form, button or link. Also: data-confirm-title, -label, -tone ("danger"), and
// data-dialog="id" opens the dialog with that id.

const dialog = () => document.getElementById("confirm-dialog");

export function ask({ words, title, label, tone }) {
  const element = dialog();
  if (!element) return Promise.resolve(window.confirm(words));
  const yes = element.querySelector("[value=yes]");
  element.querySelector("#confirm-title").textContent = title || "Are you sure?";
  element.querySelector("[data-confirm-words]").textContent = words;
  yes.textContent = label || "Continue";
  yes.className = tone === "danger" ? "button button--danger" : "button button--primary";
  element.returnValue = "";
  element.showModal();
  return new Promise((resolve) => {
    element.addEventListener("close", () => resolve(element.returnValue === "yes"), { once: true });
  });
}

const asked = (element) => ({
  words: element.dataset.confirm ?? "",
  title: element.dataset.confirmTitle,
  label: element.dataset.confirmLabel,
  tone: element.dataset.confirmTone,
});

document.addEventListener("htmx:confirm", (event) => {
  const { ctx, issueRequest, dropRequest } = event.detail;
  if (!ctx.confirm || !dialog()) return;
  event.preventDefault();
  ask({ ...asked(ctx.sourceElement), words: ctx.confirm }).then((yes) => (yes ? issueRequest() : dropRequest()));
});

const agreed = new WeakSet();

document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    const source = event.submitter?.dataset.confirm ? event.submitter : form.dataset.confirm ? form : null;
    if (!source || agreed.delete(form)) return;
    event.preventDefault();
    event.stopPropagation();
    ask(asked(source)).then((yes) => {
      if (!yes) return;
      agreed.add(form);
      form.requestSubmit(event.submitter);
    });
  },
  true
);

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-confirm]");
  if (link) {
    event.preventDefault();
    ask(asked(link)).then((yes) => yes && location.assign(link.href));
  }
  const opener = event.target.closest?.("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog)?.showModal();
  if (event.target.matches?.("dialog.drawer")) event.target.close();
});

// The second press of a double click on a plain form finds its button off; a download leaves the page standing,
// so it comes back by itself.
const OFF_MILLISECONDS = 6000;
const revive = (button) => {
  if (button.dataset.sent === undefined) return;
  delete button.dataset.sent;
  button.disabled = false;
};

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  setTimeout(() => {
    for (const button of form.querySelectorAll("button:not([type=button], :disabled)")) {
      button.disabled = true;
      button.dataset.sent = "";
      setTimeout(revive, OFF_MILLISECONDS, button);
    }
  });
});

window.addEventListener("pageshow", (event) => {
  if (event.persisted) document.querySelectorAll("button[data-sent]").forEach(revive);
});
