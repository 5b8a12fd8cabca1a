/** The cases that both implementations of the translator have to pass, by topic. */
import type { MakeTranslator } from '../support/translator-bed.ts';
import { runCases } from './case.ts';
import { hairpinCases } from './cases/hairpin.cases.ts';
import { icmpCases } from './cases/icmp.cases.ts';
import { poolCases } from './cases/pool.cases.ts';
import { tcpCases } from './cases/tcp.cases.ts';
import { udpMappingCases } from './cases/udp-mapping.cases.ts';

export function translatorCases(make: MakeTranslator): void {
  runCases('mapping and filtering (RFC 4787)', udpMappingCases, make);
  runCases('pools and capacity (RFC 6888)', poolCases, make);
  runCases('TCP (RFC 5382, 6146, 7857)', tcpCases, make);
  runCases('ICMP (RFC 5508)', icmpCases, make);
  runCases('hairpinning', hairpinCases, make);
}
