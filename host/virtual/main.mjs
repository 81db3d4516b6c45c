// The virtual Pico's process: one JSON command a line on stdin, one JSON answer a line on stdout.
//
// {"cmd": "boot", rp2040js, bootrom, image, pins}   {"cmd": "run", "ns"}   {"cmd": "write", "data"}
// {"cmd": "play", "data"}   {"cmd": "dtr", "on"}    (data: base64; PCM: int16 little-endian)
// Emulated time passes only in `run`; so the same commands give the same answers.
import fs from "node:fs";
import readline from "node:readline";
import { pathToFileURL } from "node:url";
import { Machine } from "./machine.mjs";
import { parseUf2 } from "./uf2.mjs";

let machine = null;
const events = [];

const commands = {
  async boot({ rp2040js, bootrom, image, pins }) {
    const library = await import(pathToFileURL(rp2040js));
    const clock = await import(new URL("./clock/simulation-clock.js", pathToFileURL(rp2040js)));
    const rom = fs.readFileSync(bootrom);
    const words = new Uint32Array(rom.buffer.slice(rom.byteOffset, rom.byteOffset + rom.length));
    machine = new Machine({ ...library, ...clock }, { bootrom: words, flash: parseUf2(fs.readFileSync(image)), pins, events });
  },
  async run({ ns }) {
    const until = machine.nanos + ns;
    // Promises of the USB host resolve between slices: at fixed emulated times, so always alike.
    while (machine.nanos < until) {
      machine.run(Math.min(until, machine.nanos + 20e3));
      if (!machine.ready) for (let i = 0; i < 4; i++) await null;
    }
  },
  async write({ data }) { machine.usb.send(Buffer.from(data, "base64")); },
  async play({ data }) {
    const bytes = Buffer.from(data, "base64");
    machine.microphone.play(new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)));
  },
  async dtr({ on }) { machine.dtr = on; machine.usb.setDtr(on); },
};

function answer() {
  if (!machine) return {};
  const drain = (list) => Buffer.concat(list.splice(0)).toString("base64");
  return {
    ns: machine.nanos,
    cycles: machine.cycles,
    idle: machine.idle,
    instructions: machine.instructions,
    ready: machine.ready,
    bootsel: machine.inBootsel,
    cdc: drain(machine.cdc),
    audio: drain(machine.audio),
    events: events.splice(0),
  };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  let reply;
  try {
    const command = JSON.parse(line);
    await commands[command.cmd](command);
    reply = answer();
  } catch (error) {
    reply = { error: String(error.message ?? error).split("\n")[0] };
  }
  process.stdout.write(JSON.stringify(reply) + "\n");
}
