// Start: make a project, open one, or try a ready model.
import { get, post } from "../api.js";
import { attempt, html, many, nothing } from "../ui.js";

/** @param {any} about @returns {string} The page that a project is opened at. */
export const firstPage = (about) => (about.ready || about.trained ? "live" : "sounds");

export class Start {
  /** @param {import("../ui.js").Context} context */
  constructor(context) {
    this.context = context;
    /** @type {any} */
    this.all = null;
    this.problem = "";
    this.busy = false;
    this.elsewhere = "";
  }

  async enter() {
    this.all = await get("/start");
  }

  leave() {}

  /** @param {SubmitEvent} event */
  async create(event) {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    this.busy = true;
    this.problem = "";
    this.context.update();
    try {
      const made = await post("/projects", Object.fromEntries(form.entries()));
      location.hash = `#/${made.name}/${firstPage(made)}`;
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
    this.busy = false;
    this.context.update();
  }

  /** @param {SubmitEvent} event */
  async open(event) {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    this.elsewhere = "";
    try {
      const found = await post("/open", { folder: String(form.get("folder")) });
      location.hash = `#/${found.name}/${firstPage(found)}`;
    } catch (error) {
      this.elsewhere = error instanceof Error ? error.message : String(error);
    }
    this.context.update();
  }

  /** @param {string} name Of a ready model: the form starts from it. */
  begin(name) {
    const box = /** @type {HTMLDetailsElement | null} */ (document.querySelector("#new ~ form details"));
    const select = /** @type {HTMLSelectElement | null} */ (document.querySelector("[name=ready]"));
    if (!box || !select) return;
    box.open = true;
    select.value = name;
    /** @type {HTMLInputElement | null} */ (document.querySelector("[name=hear]"))?.focus();
  }

  view() {
    if (!this.all) return html`<p class="loading">Loading ...</p>`;
    const { projects } = this.all;
    const tried = this.all.ready.filter((/** @type {any} */ r) => r.trained);
    const others = this.all.ready.filter((/** @type {any} */ r) => !r.trained);
    return html`<h1>Teach a device to hear</h1>
      <p class="lead">
        Record sounds, train a small network, watch it listen. Everything stays on this computer.
      </p>
      <div class="columns">
        <section class="card" aria-labelledby="new">
          <h2 id="new">New project</h2>
          ${this.form()}
        </section>
        <div>
          <section class="card" aria-labelledby="open">
            <h2 id="open">Open a project</h2>
            ${projects.length
              ? html`<ul class="plain list">
                  ${projects.map((/** @type {any} */ p) => this.entry(p))}
                </ul>`
              : html`<p class="muted">There is none in the folder ${this.all.home} yet.</p>`}
            ${this.all.shared
              ? nothing
              : html`<form class="row" @submit=${(/** @type {SubmitEvent} */ e) => attempt(() => this.open(e))}>
                    <label>In another folder
                      <input name="folder" required placeholder="~/sounds/doorbell" autocomplete="off" />
                    </label>
                    <button>Open</button>
                  </form>
                  ${this.elsewhere
                    ? html`<p class="problem" role="alert">${this.elsewhere}</p>`
                    : nothing}`}
          </section>
          <section class="card" aria-labelledby="ready">
            <h2 id="ready">Ready models</h2>
            <ul class="plain list">
              ${tried.map((/** @type {any} */ r) => this.model(r))}
            </ul>
            ${others.length
              ? html`<details ?open=${!tried.length}>
                  <summary>${others.length} that are not trained here, to start from</summary>
                  <ul class="plain list">
                    ${others.map((/** @type {any} */ r) => this.model(r))}
                  </ul>
                </details>`
              : nothing}
          </section>
        </div>
      </div>`;
  }

  /** @param {any} p */
  entry(p) {
    const what = p.problem
      ? html`<span class="problem">${p.problem}</span>`
      : html`<span class="muted"
          >${p.events.join(", ")} · ${many(p.clips, "clip")} · ${p.trained ? "trained" : "not trained yet"}</span
        >`;
    return html`<li>
      <a class="entry" href="#/${p.name}/${firstPage(p)}"><b>${p.name}</b>${what}</a>
    </li>`;
  }

  /** @param {any} r A ready model. */
  model(r) {
    const name = r.name.replace("ready.", "");
    const what = html`<b>${name}</b>
      <span class="muted">${r.problem || r.description || (r.events ?? []).join(", ")}</span>`;
    return html`<li class="spread model">
      ${r.trained
        ? html`<a class="entry grow" href=${`#/${r.name}/live`}>${what}</a>`
        : html`<span class="entry grow">${what}</span>`}
      ${r.trained ? html`<a class="button" href=${`#/${r.name}/live`} aria-label=${`Try ${name}`}>Try</a>` : nothing}
      ${r.problem
        ? nothing
        : html`<button class="quiet" aria-label=${`Start from it: ${name}`} @click=${() => this.begin(name)}>
            Start from it
          </button>`}
    </li>`;
  }

  form() {
    const { kinds, boards, ready } = this.all;
    return html`<form @submit=${(/** @type {SubmitEvent} */ e) => attempt(() => this.create(e))}>
      <label>What should it hear?
        <input name="hear" required placeholder="ring, knock" autocomplete="off" />
        <small>One sound or several, separated by commas. Background is always there.</small>
      </label>
      <label>Name of the project
        <input name="name" required maxlength="40" placeholder="doorbell" autocomplete="off"
          pattern="[A-Za-z0-9_][A-Za-z0-9_.\\-]*" title="letters, digits, . _ and -" />
      </label>
      <fieldset>
        <legend>Kind of sound</legend>
        ${kinds.map(
          (/** @type {any} */ k) => html`<label class="choice">
            <input type="radio" name="kind" value=${k.name} ?checked=${k.name === "sound"} />
            <span><b>${k.name}</b> <small>${k.about}</small></span>
          </label>`,
        )}
      </fieldset>
      <details>
        <summary>Board, and where to start from</summary>
        <label>Board that will listen
          <select name="board">
            <option value="">none yet</option>
            ${boards.map((/** @type {any} */ b) => html`<option value=${b.id}>${b.name}</option>`)}
          </select>
          <small>None: a virtual Pico runs the firmware, and sizes and times are those of a Pico.</small>
        </label>
        <label>Start from a ready model
          <select name="ready">
            <option value="">no, from the beginning</option>
            ${ready.map((/** @type {any} */ r) => {
              const bare = r.name.replace("ready.", "");
              return html`<option value=${bare}>${bare}</option>`;
            })}
          </select>
          <small>Takes its front end and network, and its weights where they fit.</small>
        </label>
      </details>
      ${this.problem ? html`<p class="problem" role="alert">${this.problem}</p>` : nothing}
      <button class="main" ?disabled=${this.busy}>${this.busy ? "Making it ..." : "Create"}</button>
    </form>`;
  }
}
