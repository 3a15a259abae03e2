// Damages bytes a little, for fuzzing. Invariant: everything random comes from the numbers handed in.

/** One to four changes: octets replaced, moved by a little, put in, taken out, or the end cut off. */
export function mutate(
  original: Buffer,
  next: (limit: number) => number,
  alphabet?: Buffer,
): Buffer {
  let bytes = Buffer.from(original);
  for (let changes = 1 + next(4); changes > 0 && bytes.length > 0; changes -= 1) {
    const at = next(bytes.length);
    const octet = alphabet === undefined ? next(256) : (alphabet[next(alphabet.length)] ?? 0);
    const kind = next(5);
    if (kind === 0) bytes.writeUInt8(octet, at);
    else if (kind === 1) bytes.writeUInt8((bytes.readUInt8(at) + next(3)) & 0xff, at);
    else if (kind === 2) bytes = bytes.subarray(0, at);
    else if (kind === 3)
      bytes = Buffer.concat([bytes.subarray(0, at), Buffer.of(octet), bytes.subarray(at)]);
    else
      bytes = Buffer.concat([
        bytes.subarray(0, at),
        bytes.subarray(Math.min(bytes.length, at + 1 + next(4))),
      ]);
  }
  return bytes;
}
