// The flash chip's answer to command 0x4B: four dummy bytes, then its unique number of eight bytes.
// In rp2040js, a transfer on the flash interface ends at once and returns nothing.
const DATA = 0x60, READ_UNIQUE_ID = 0x4b, DUMMIES = 4;

/** Make `ssi`, the flash interface of an RP2040, answer with the flash chip's `id` (8 bytes). */
export function giveFlashId(ssi, id) {
  const read = ssi.readUint32.bind(ssi), write = ssi.writeUint32.bind(ssi);
  let sent = -1; // bytes after the command; -1: another command
  const answers = [];
  ssi.writeUint32 = (offset, value) => {
    if (offset !== DATA) { write(offset, value); return; }
    if (sent < 0 && value !== READ_UNIQUE_ID) { write(offset, value); return; }
    answers.push(sent >= DUMMIES ? id[sent - DUMMIES] : 0);
    sent = sent + 1 >= DUMMIES + id.length ? -1 : sent + 1;
  };
  ssi.readUint32 = (offset) => (offset === DATA && answers.length ? answers.shift() : read(offset));
}
