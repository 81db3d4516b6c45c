// The virtual Pico's process. It reads one JSON command a line from stdin and writes one JSON answer
// a line to stdout.
//
// {"cmd": "boot", rp2040js, bootrom, image, pins, wiring, usb, flashId, keepBits, idealFlash}
// {"cmd": "run", "ns"}   {"cmd": "write", "data"}   {"cmd": "play", "data"}   {"cmd": "dtr", "on"}
// {"cmd": "control", type, request, value, index, length, data, abandon}
// {"cmd": "margin", rate, right, valid, hold, bits}
// {"cmd": "bus", "what": "suspend" | "resume" | "reset" | "replug"}
// data is base64; PCM is int16, little-endian. Emulated time passes in `run` and `control` alone, so
// the same commands give the same answers.
import fs from "node:fs";
import readline from "node:readline";
import { pathToFileURL } from "node:url";
import { Machine } from "./machine.mjs";
import { margin } from "./pdm_margin.mjs";
import { parseUf2 } from "./uf2.mjs";

const CONTROL_NS = 200e6;
const SLICE_NS = 20e3; // the USB host's promises resolve between slices, at fixed emulated times

let machine = null;
const events = [];

/** Run the machine until time `until`, or until `done()`. */
async function run(until, done = null) {
  while (machine.nanos < until && !done?.()) {
    machine.run(Math.min(until, machine.nanos + SLICE_NS));
    if (done || !machine.ready || machine.usb.pipe.current) for (let i = 0; i < 4; i++) await null;
  }
}

const commands = {
  async boot({ rp2040js, bootrom, image, ...options }) {
    const library = await import(pathToFileURL(rp2040js));
    const clock = await import(new URL("./clock/simulation-clock.js", pathToFileURL(rp2040js)));
    const rom = fs.readFileSync(bootrom);
    const words = new Uint32Array(rom.buffer.slice(rom.byteOffset, rom.byteOffset + rom.length));
    machine = new Machine({ ...library, ...clock }, { ...options, bootrom: words, flash: parseUf2(fs.readFileSync(image)), events });
  },
  async run({ ns }) { await run(machine.nanos + ns); },
  async control({ data, ...transfer }) {
    let result = null;
    machine.usb.control({ ...transfer, data: [...Buffer.from(data, "base64")] }).then((r) => { result = r; });
    await run(machine.nanos + CONTROL_NS, () => result !== null);
    result ??= { status: "timeout", data: [] };
    return { status: result.status, data: Buffer.from(result.data).toString("base64") };
  },
  async bus({ what }) { if (what === "replug") machine.replug(); else machine.bus(what); },
  async write({ data }) { machine.usb.send(Buffer.from(data, "base64")); },
  async play({ data }) {
    const bytes = Buffer.from(data, "base64");
    machine.microphone.play(new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)));
  },
  async margin(asked) { return margin(machine.library, machine.mcu, machine.pins, asked); },
  async dtr({ on }) { machine.dtr = on; machine.usb.setDtr(on); },
};

function answer() {
  if (!machine) return {};
  const drain = (list) => Buffer.concat(list.splice(0)).toString("base64");
  return {
    ns: machine.nanos,
    cycles: machine.cycles,
    idle: machine.idle,
    flashWaited: machine.flashWaited + machine.xip.waited,
    instructions: machine.instructions,
    ready: machine.ready,
    bootsel: machine.inBootsel,
    missed: machine.usb.missed,
    bitsMade: machine.microphone.bitsMade,
    cdc: drain(machine.cdc),
    audio: drain(machine.audio),
    packets: machine.packets.splice(0),
    bits: machine.microphone.kept ? Buffer.from(machine.microphone.kept.splice(0)).toString("base64") : "",
    answers: machine.usb.answers.splice(0),
    events: events.splice(0),
  };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  let reply;
  try {
    const command = JSON.parse(line);
    const { cmd, ...options } = command;
    const result = await commands[cmd](options);
    reply = { ...answer(), result };
  } catch (error) {
    reply = { error: String(error.message ?? error).split("\n")[0] };
  }
  process.stdout.write(JSON.stringify(reply) + "\n");
}
