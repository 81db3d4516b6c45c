// Tells the user when the server has ended, and goes on when it is there again.
import { get, socket } from "./api.js";
import { html, nothing, render } from "./ui.js";

const EVERY_MS = 1000; // between two attempts

/**
 * Watch the server for as long as the page is open.
 * @param {() => void} back Called when it is there again.
 */
export function watch(back) {
  const box = document.createElement("div");
  box.id = "away";
  document.body.prepend(box);
  let away = false;

  /** @param {string} text */
  const show = (text) =>
    render(text ? html`<p role="alert"><b>Studio has ended.</b> ${text}</p>` : nothing, box);

  function connect() {
    const line = socket("/alive");
    line.onopen = () => {
      if (!away) return;
      away = false;
      show("");
      back();
    };
    line.onclose = async () => {
      if (!away) {
        away = true;
        show("Run `host studio` in the terminal again: this page then goes on. Work that runs goes on without it.");
      }
      setTimeout(connect, EVERY_MS);
      // A server with another token answers, but not to this page.
      const refused = await get("/start").then(
        () => "",
        (error) => (error.message.startsWith("Refused") ? error.message : ""),
      );
      if (refused && away) show("Another one runs now: open the link that `host studio` printed.");
    };
  }
  connect();
}
