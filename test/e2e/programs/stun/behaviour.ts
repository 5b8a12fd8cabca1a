/** What a STUN server with two addresses and two ports answers (RFC 5780 sections 6 and 7): pure, no socket. */
import {
  ATTRIBUTE,
  type Attribute,
  attributeOf,
  decodeMessage,
  type Endpoint,
  encodeEndpoint,
  encodeMessage,
  type StunMessage,
  TYPE,
  xorEndpoint,
} from './message.ts';

/** The server listens on each address with each port (5780-S1). */
export interface ServerPlace {
  readonly addresses: readonly [string, string];
  readonly ports: readonly [number, number];
}

export interface Answer {
  readonly octets: Buffer;
  /** The socket of the server that it leaves by. */
  readonly from: Endpoint;
  readonly to: Endpoint;
}

/** Values of CHANGE-REQUEST (5780-S2). */
export const CHANGE = { nothing: 0, port: 2, address: 4, both: 6 } as const;

/** Padding of an answer: at least the MTU, so that it leaves in fragments. */
const PADDING_OCTETS = 1500;
const UNDERSTOOD: readonly number[] = [ATTRIBUTE.changeRequest, ATTRIBUTE.padding, ATTRIBUTE.responsePort];
/** Attributes below this have to be understood. */
const OPTIONAL = 0x8000;

/**
 * @param arrival where the request came in, one of the server's four sockets
 * @param source where it came from
 * @returns undefined for octets that are no Binding request, which get no answer
 */
export function answerStun(
  place: ServerPlace,
  octets: Buffer,
  arrival: Endpoint,
  source: Endpoint,
): Answer | undefined {
  const request = decodeMessage(octets);
  if (request?.type !== TYPE.request) return undefined;
  const refusal = refusalOf(request);
  if (refusal !== undefined) {
    return { octets: encodeMessage({ ...request, type: TYPE.error, attributes: refusal }), from: arrival, to: source };
  }
  const change = attributeOf(request, ATTRIBUTE.changeRequest)?.readUInt32BE(0) ?? CHANGE.nothing;
  const other = otherOf(place, arrival);
  const from = {
    address: (change & CHANGE.address) === 0 ? arrival.address : other.address,
    port: (change & CHANGE.port) === 0 ? arrival.port : other.port,
  };
  const port = attributeOf(request, ATTRIBUTE.responsePort)?.readUInt16BE(0) ?? source.port;
  const isPadded = attributeOf(request, ATTRIBUTE.padding) !== undefined;
  const attributes = [
    { type: ATTRIBUTE.mappedAddress, value: encodeEndpoint(source) },
    { type: ATTRIBUTE.xorMappedAddress, value: xorEndpoint(encodeEndpoint(source)) },
    { type: ATTRIBUTE.responseOrigin, value: encodeEndpoint(from) },
    { type: ATTRIBUTE.otherAddress, value: encodeEndpoint(other) },
    ...(isPadded ? [{ type: ATTRIBUTE.padding, value: Buffer.alloc(PADDING_OCTETS) }] : []),
  ];
  const to = { address: source.address, port };
  return { octets: encodeMessage({ ...request, type: TYPE.success, attributes }), from, to };
}

/** The other address and the other port, as seen from where the request arrived. */
function otherOf({ addresses, ports }: ServerPlace, arrival: Endpoint): Endpoint {
  return {
    address: addresses[0] === arrival.address ? addresses[1] : addresses[0],
    port: ports[0] === arrival.port ? ports[1] : ports[0],
  };
}

/** The attributes of an error response, if the request asks for what cannot be done. */
function refusalOf(request: StunMessage): readonly Attribute[] | undefined {
  const unknown = request.attributes
    .map(({ type }) => type)
    .filter((type) => type < OPTIONAL && !UNDERSTOOD.includes(type));
  if (unknown.length > 0) {
    const value = Buffer.from(unknown.flatMap((type) => [type >> 8, type & 0xff]));
    return [errorCode(420), { type: ATTRIBUTE.unknownAttributes, value }];
  }
  const change = attributeOf(request, ATTRIBUTE.changeRequest);
  const port = attributeOf(request, ATTRIBUTE.responsePort);
  const isMalformed = (change !== undefined && change.length !== 4) || (port !== undefined && port.length < 2);
  // 5780-S3: padding makes fragments, and a port that has sent nothing may lose those for reasons of their own.
  const excludeEachOther = port !== undefined && attributeOf(request, ATTRIBUTE.padding) !== undefined;
  return isMalformed || excludeEachOther ? [errorCode(400)] : undefined;
}

const errorCode = (code: number): Attribute => ({
  type: ATTRIBUTE.errorCode,
  value: Buffer.from([0, 0, Math.floor(code / 100), code % 100]),
});
