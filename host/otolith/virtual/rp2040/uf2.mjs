// Reads UF2 files and checks every block (Microsoft, UF2 file format).
const MAGIC0 = 0x0a324655, MAGIC1 = 0x9e5d5157, MAGIC_END = 0x0ab16f30;
const FAMILY_PRESENT = 0x2000, NOT_MAIN_FLASH = 0x1, RP2040 = 0xe48bff56;
const FLASH = 0x10000000, FLASH_SIZE = 16 << 20;

/** Returns [{offset, data}] from the bytes of a .uf2 file; throws an Error with a one-line message. */
export function parseUf2(file) {
  if (file.length === 0 || file.length % 512) throw new Error(`${file.length} bytes are not whole UF2 blocks of 512`);
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const count = file.length / 512, blocks = [];
  for (let number = 0; number < count; number++) {
    const at = number * 512, word = (i) => view.getUint32(at + 4 * i, true);
    if (word(0) !== MAGIC0 || word(1) !== MAGIC1 || view.getUint32(at + 508, true) !== MAGIC_END) throw new Error(`block ${number} is no UF2 block`);
    if (word(2) & NOT_MAIN_FLASH) continue;
    if (!(word(2) & FAMILY_PRESENT) || word(7) !== RP2040) throw new Error(`block ${number} is not for an RP2040`);
    if (word(5) !== number || word(6) !== count) throw new Error(`block ${number} says it is ${word(5)} of ${word(6)}, the file has ${count}`);
    const offset = word(3) - FLASH, size = word(4);
    if (size > 476 || offset < 0 || offset + size > FLASH_SIZE) throw new Error(`block ${number} is for address 0x${word(3).toString(16)}, outside flash`);
    blocks.push({ offset, data: file.subarray(at + 32, at + 32 + size) });
  }
  return blocks;
}
