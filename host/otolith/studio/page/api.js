// Requests to the server. Every error becomes a Problem with words for the user.

/** What went wrong, in words. */
export class Problem extends Error {}

/**
 * @param {string} method
 * @param {string} path Below /api.
 * @param {unknown} [value] Sent as JSON.
 * @returns {Promise<Response>}
 */
async function send(method, path, value) {
  let answer;
  try {
    answer = await fetch("/api" + path, {
      method,
      body: value === undefined ? undefined : value instanceof Blob ? value : JSON.stringify(value),
    });
  } catch {
    throw new Problem("Studio does not answer: is `host studio` still running in the terminal?");
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  let told = text;
  try {
    told = JSON.parse(text).error;
  } catch {
    // the guard answers in plain text
  }
  throw new Problem(told);
}

/** @param {string} path @returns {Promise<any>} */
export const get = async (path) => (await send("GET", path)).json();
/** @param {string} path @param {unknown} [value] @returns {Promise<any>} */
export const post = async (path, value = {}) => (await send("POST", path, value)).json();
/** @param {string} path @param {Blob} file @returns {Promise<any>} */
export const put = async (path, file) => (await send("PUT", path, file)).json();
/** @param {string} path @returns {Promise<ArrayBuffer>} */
export const bytes = async (path) => (await send("GET", path)).arrayBuffer();
/** @param {string} path @returns {Promise<string>} */
export const text = async (path) => (await send("GET", path)).text();

/** @param {string} path @returns {WebSocket} */
export function socket(path) {
  const found = new WebSocket(`ws://${location.host}/api${path}`);
  found.binaryType = "arraybuffer";
  return found;
}

/**
 * @typedef {{kind: string, step?: string, share?: number, note?: string,
 *   values?: Record<string, number>, state?: string, message?: string, result?: any}} JobEvent
 * @typedef {{id: string, kind: string, state: string, started: string, message: string,
 *   options: any, result: any}} Job
 */

/**
 * Follow the events of a job. The browser connects again by itself if the connection breaks.
 * @param {string} project
 * @param {string} job
 * @param {(event: JobEvent) => void} take
 * @returns {() => void} Ends it.
 */
export function follow(project, job, take) {
  const source = new EventSource(`/api/p/${project}/jobs/${job}/events`);
  source.onmessage = (message) => {
    const event = JSON.parse(message.data);
    if (event.kind === "end") source.close();
    take(event);
  };
  return () => source.close();
}

/**
 * Start a job and wait for its end.
 * @param {string} project
 * @param {Job} job
 * @param {(event: JobEvent) => void} [take]
 * @param {(() => void)[]} [ends] Gets what ends the waiting: a browser opens few streams at a time.
 * @returns {Promise<any>} Its result. It never comes if the waiting was ended.
 */
export function finished(project, job, take = () => {}, ends = []) {
  return new Promise((resolve, reject) => {
    const end = follow(project, job.id, (event) => {
      take(event);
      if (event.kind !== "end") return;
      if (event.state === "done") resolve(event.result);
      else reject(new Problem(event.message || "stopped"));
    });
    ends.push(end);
  });
}
