// Runs before the modules: says what is wrong if they don't load or don't run. Without imports.
{
  const PATIENCE_MS = 15000; // until a page that still loads is told to be stuck

  /** @param {string} text @param {string} advice */
  const tell = (text, advice) => {
    const box = document.querySelector("#app > .loading, #app > .problem");
    if (!box) return; // a page is shown, which tells its errors itself
    box.className = "problem";
    box.setAttribute("role", "alert");
    const said = document.createElement("b");
    said.textContent = text;
    const button = document.createElement("button");
    button.textContent = "Retry";
    button.onclick = () => location.reload();
    box.replaceChildren(said, ` ${advice} `, button);
  };

  /** @param {string} address */
  const path = (address) => new URL(address, location.href).pathname;

  window.addEventListener(
    "error",
    (event) => {
      const { target } = event;
      if (target instanceof HTMLScriptElement)
        tell(
          "The page did not load completely.",
          `${path(target.src)}, or a file that it needs, is missing. Is \`host studio\` still running in the ` +
            "terminal? If so, run `host setup`, then press Retry.",
        );
      else if (target instanceof HTMLLinkElement) console.warn(`${path(target.href)} is missing`);
      else
        tell(
          "The page has a bug.",
          `${event.message} (${path(event.filename || "/")}, line ${event.lineno}). Press Retry. If it comes ` +
            "again, update your browser, and tell us.",
        );
    },
    true, // errors of scripts do not bubble
  );
  setTimeout(
    () =>
      tell(
        "The page still loads.",
        "Is `host studio` still running in the terminal, and not stopped by Ctrl-Z? Press Retry.",
      ),
    PATIENCE_MS,
  );
}
