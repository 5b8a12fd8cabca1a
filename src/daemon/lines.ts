/** The lines of a byte stream, without their line feeds. Throws a `RangeError` at a line longer than allowed. */
export async function* linesOf(stream: AsyncIterable<Buffer>, octetsMax: number): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      yield rest.toString('utf8', 0, end);
      rest = rest.subarray(end + 1);
    }
    if (rest.length > octetsMax) throw new RangeError(`a line has more than ${octetsMax} octets`);
  }
}
