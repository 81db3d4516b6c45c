// Reads what the host needs from a configuration descriptor (USB 2.0, 9.6; CDC 1.2; Audio 2.0).
const INTERFACE = 4, ENDPOINT = 5;
const AUDIO = 1, COMMUNICATIONS = 2, DATA = 10, STREAMING = 2;
const ISOCHRONOUS = 1, BULK = 2;

/** Returns those of {cdcInterface, cdcIn, cdcOut, audioInterface, audioIn} that the device has. */
export function parseConfiguration(bytes) {
  const found = {};
  let inside = null;
  for (let at = 0; at + 1 < bytes.length && bytes[at] >= 2; at += bytes[at]) {
    const kind = bytes[at + 1];
    if (kind === INTERFACE) {
      inside = { number: bytes[at + 2], alternate: bytes[at + 3], class: bytes[at + 5], subclass: bytes[at + 6] };
      if (inside.class === COMMUNICATIONS) found.cdcInterface = inside.number;
    } else if (kind === ENDPOINT) {
      const address = bytes[at + 2], transfer = bytes[at + 3] & 3;
      if (transfer === BULK && inside?.class === DATA) found[address & 0x80 ? "cdcIn" : "cdcOut"] = address & 15;
      if (transfer === ISOCHRONOUS && address & 0x80 && inside?.class === AUDIO && inside.subclass === STREAMING) {
        found.audioInterface = inside.number;
        found.audioIn = address & 15;
      }
    }
  }
  return found;
}
