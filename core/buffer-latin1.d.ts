// Node's Buffer has these since its beginnings; @types/node leaves them out. They skip the argument checks and the
// choice of encoding that `toString` and `write` make on each call.
interface Buffer {
  latin1Slice(start?: number, end?: number): string;
  latin1Write(text: string, offset?: number, length?: number): number;
}
