// The frame around the pages: navigation, the project's name, routing by the address's #.
import { Problem, get } from "./api.js";
import { watch } from "./alive.js";
import { attempt, html, nothing, render } from "./ui.js";
import { Board } from "./pages/board.js";
import { Features } from "./pages/features.js";
import { Judge } from "./pages/judge.js";
import { Label } from "./pages/label.js";
import { Live } from "./pages/live.js";
import { Sounds } from "./pages/sounds.js";
import { Start } from "./pages/start.js";
import { Train } from "./pages/train.js";

/**
 * A page. view: What it shows. enter: Called once, when it is opened. leave: When it is left. back:
 * When the server is there again after it had ended.
 * @typedef {{view: () => unknown, enter: () => Promise<void>, leave: () => void,
 *   back?: () => Promise<void>}} Page
 */

/**
 * @type {Record<string, {title: string, make: (c: import("./ui.js").Context) => Page,
 *   ready?: boolean}>} ready: Also for ready models.
 */
const PAGES = {
  sounds: { title: "Sounds", make: (context) => new Sounds(context) },
  label: { title: "Label", make: (context) => new Label(context) },
  features: { title: "Features", make: (context) => new Features(context) },
  train: { title: "Train", make: (context) => new Train(context) },
  judge: { title: "Judge", make: (context) => new Judge(context) },
  live: { title: "Live", make: (context) => new Live(context), ready: true },
  board: { title: "Board", make: (context) => new Board(context) },
};

const root = /** @type {HTMLElement} */ (document.getElementById("app"));
const loading = root.querySelector(".loading");
/** @type {Page | null} */
let page = null;
let project = "";
let name = "";
/** @type {any} */
let about = null;
let problem = ""; // why there is nothing to show; a Retry button stands beside it
let opening = 0; // counts: an older open() that is still waiting gives way

/** @returns {[string, string]} Project and page of the address. */
function place() {
  const [, first = "", second = ""] = decodeURI(location.hash).split("/");
  return [first, second];
}

/** @param {string} to */
function go(to) {
  location.hash = `#/${project}/${to}`;
}

async function open() {
  const [wanted, part] = place();
  const turn = ++opening;
  page?.leave();
  page = null;
  problem = "";
  const before = project;
  [project, name] = [wanted, part];
  if (project && (project !== before || !about)) {
    about = null;
    try {
      const found = await get(`/p/${project}`);
      if (turn !== opening) return;
      about = found;
    } catch (error) {
      if (turn !== opening) return;
      problem = worded(error);
    }
  }
  const entry = PAGES[name];
  const context = { project, about, update: draw, go };
  if (project && !problem && entry) {
    page = entry.make(context);
  } else {
    name = "";
    page = new Start(context);
  }
  draw();
  const mine = page;
  try {
    await mine.enter();
  } catch (error) {
    if (page === mine && !(error instanceof DOMException && error.name === "AbortError"))
      problem ||= worded(error);
  }
  if (page !== mine) return;
  draw();
  document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  document.title = `${entry ? entry.title : "Start"} · ${project || "Otolith Studio"}`;
}

/** @param {unknown} error */
function worded(error) {
  if (!(error instanceof Problem)) console.error(error);
  return error instanceof Error ? error.message : String(error);
}

function trouble() {
  if (!problem) return nothing;
  return html`<div class="problem spread" role="alert">
    <span>${problem}</span><button @click=${() => attempt(begin)}>Retry</button>
  </div>`;
}

function link(/** @type {string} */ key) {
  const { title } = PAGES[key];
  const here = key === name ? "page" : nothing;
  return html`<a href="#/${project}/${key}" aria-current=${here}>${title}</a>`;
}

function draw() {
  loading?.remove();
  const pages = Object.keys(PAGES).filter((key) => !about?.ready || PAGES[key].ready);
  const named = project.replace("ready.", "");
  render(
    html`<a class="skip" href="#main" @click=${skip}>Skip to the page</a>
      <header class="bar">
        <a class="brand" href="#/" aria-current=${name ? nothing : "page"}>
          <img src="/icon.svg" alt="" width="28" height="28" /><span>Otolith Studio</span>
        </a>
        ${project && about
          ? html`<span class="project" title=${named}>${named}</span>
              <nav aria-label="Pages">${pages.map(link)}</nav>`
          : nothing}
      </header>
      <main id="main" class=${problem ? "stuck" : nothing} tabindex="-1">
        ${trouble()} ${page?.view()}
      </main>`,
    root,
  );
}

/** @param {Event} event */
function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

window.addEventListener("hashchange", () => attempt(open));
window.addEventListener("beforeunload", () => page?.leave());

/** Open the page of the address, or the project that `host studio` was called with. */
async function begin() {
  if (!location.hash) {
    const { opened } = await get("/start").catch(() => ({ opened: "" })); // Start tells the error
    if (opened) location.replace(`#/${opened}/sounds`);
  }
  if (!opening || problem) await open(); // else the address has changed meanwhile
}

/** The server is there again. */
async function back() {
  if (problem) await begin();
  else await page?.back?.();
}

watch(() => attempt(back));
attempt(begin);
