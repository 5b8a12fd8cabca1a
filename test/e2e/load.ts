/** Traffic that fills a link: connections as fast as they go, opened again whenever they end. */
import { urlHost } from '../../src/demo/clients.ts';
import type { Namespace } from '../../src/demo/network.ts';

const DISCARD_PORT = 9;
const DOWNLOAD_OCTETS = 4_000_000_000;
const DATAGRAM_OCTETS = 1200;
const PAUSE_S = 0.1;

/** Uploads to a server until the network is closed. */
export function startUpload(namespace: Namespace, server: string): void {
  repeat(namespace, `${ENDS_WITH_PARENT} cat /dev/zero > /dev/tcp/${server}/${DISCARD_PORT}`);
}

/** Downloads from a server until the network is closed. */
export function startDownload(namespace: Namespace, server: string): void {
  repeat(namespace, `${ENDS_WITH_PARENT} curl -sS http://${urlHost(server)}/octets/${DOWNLOAD_OCTETS}`);
}

/** Sends datagrams that nobody answers until the network is closed, as many as the socket takes. */
export function startFlood(namespace: Namespace, server: string, port: number): void {
  repeat(namespace, `${ENDS_WITH_PARENT} dd if=/dev/zero bs=${DATAGRAM_OCTETS} > /dev/udp/${server}/${port}`);
}

const ENDS_WITH_PARENT = 'setpriv --pdeathsig KILL --';

/** The program that runs is stopped together with the shell. */
function repeat(namespace: Namespace, command: string): void {
  const script = `trap 'kill $!; exit' TERM; while :; do ${command} & wait $!; sleep ${PAUSE_S}; done > /dev/null 2>&1`;
  namespace.start(['bash', '-c', script]);
}
