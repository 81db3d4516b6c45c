// The virtual Pico's flash model alone. A JSON line in, a JSON line out:
// {"cache": [["read" | "invalidate" | "flush", word], ...]} -> whether each read hit
// {"settings": {ssienr, baudr, crtlr0, spictlr0}} -> cycles of a transfer
import readline from "node:readline";
import { XipCache, transferCycles } from "../../host/otolith/virtual/rp2040/flash.mjs";

function replay(steps) {
  const cache = new XipCache(), hits = [];
  for (const [what, word] of steps) {
    if (what !== "read") { cache[what](word); continue; }
    hits.push(cache.hit(word));
    if (!hits.at(-1)) cache.allocate(word);
  }
  return hits;
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { cache, settings } = JSON.parse(line);
  process.stdout.write(JSON.stringify(cache ? replay(cache) : transferCycles(settings)) + "\n");
}
