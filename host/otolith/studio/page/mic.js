// The computer's microphone, at 16 kHz, as it is: no echo cancelling, no automatic gain.
import { Problem } from "./api.js";

export const RATE = 16000;

/** @returns {Promise<MediaDeviceInfo[]>} Names are empty until the user has allowed a microphone. */
export async function microphones() {
  const found = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return found.filter((device) => device.kind === "audioinput" && device.deviceId);
}

/** An open microphone. */
export class Microphone {
  /**
   * @param {AudioContext} context
   * @param {MediaStream} stream
   * @param {AudioWorkletNode} node
   */
  constructor(context, stream, node) {
    this.context = context;
    this.stream = stream;
    this.node = node;
    this.name = stream.getAudioTracks()[0]?.label ?? "microphone";
  }

  /**
   * Open a microphone.
   * @param {(message: ArrayBuffer) => void} take Gets blocks as the server wants them: the number
   *   of samples before (uint32), then int16 samples.
   * @param {() => void} lost Called when the microphone is pulled out.
   * @param {string} [device] Id of a device.
   * @param {number} [block] Milliseconds of a block: short ones arrive sooner.
   * @returns {Promise<Microphone>}
   */
  static async open(take, lost, device, block = 50) {
    if (!navigator.mediaDevices)
      throw new Problem("This page has no microphone: open Studio at http://127.0.0.1");
    const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: { ...raw, channelCount: 1, ...(device ? { deviceId: { exact: device } } : {}) },
      });
    } catch (error) {
      throw new Problem(why(error));
    }
    const context = new AudioContext({ sampleRate: RATE });
    try {
      await context.audioWorklet.addModule("/worklet.js");
      const source = context.createMediaStreamSource(stream);
      const node = new AudioWorkletNode(context, "blocks", {
        numberOfOutputs: 0,
        processorOptions: { block: Math.round((block * RATE) / 1000) },
      });
      let count = 0;
      node.port.onmessage = (message) => {
        /** @type {Int16Array} */
        const pcm = message.data;
        const out = new ArrayBuffer(4 + 2 * pcm.length);
        new DataView(out).setUint32(0, count, true);
        new Int16Array(out, 4).set(pcm);
        count = (count + pcm.length) % 2 ** 32;
        take(out);
      };
      source.connect(node);
      await context.resume();
      stream.getAudioTracks()[0].onended = lost;
      return new Microphone(context, stream, node);
    } catch (error) {
      for (const track of stream.getTracks()) track.stop();
      await context.close();
      throw new Problem(`This browser can't record at 16 kHz: ${error}. Try Chromium or Chrome.`);
    }
  }

  close() {
    this.node.port.onmessage = null;
    for (const track of this.stream.getTracks()) track.stop();
    if (this.context.state !== "closed") this.context.close();
  }
}

/** @param {unknown} error @returns {string} */
function why(error) {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError")
    return "The browser may not use the microphone: allow it beside the address, then try again.";
  if (name === "NotFoundError" || name === "OverconstrainedError")
    return "No microphone found: plug one in, then try again.";
  if (name === "NotReadableError")
    return "Another program uses the microphone: close that program, then try again.";
  return `The microphone can't be opened: ${error}`;
}
