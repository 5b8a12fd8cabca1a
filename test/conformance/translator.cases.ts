/** The cases that both implementations of the translator have to pass, by topic. */
import type { MakeTranslator } from '../support/translator-bed.ts';
import { runCases } from './case.ts';
import { checksumCases } from './cases/checksum.cases.ts';
import { exemptCases } from './cases/exempt.cases.ts';
import { fragmentCases } from './cases/fragments.cases.ts';
import { hairpinCases } from './cases/hairpin.cases.ts';
import { icmpCases } from './cases/icmp.cases.ts';
import { identificationCases } from './cases/identification.cases.ts';
import { malformedIpv4Cases } from './cases/malformed-ipv4.cases.ts';
import { moreBcpCases } from './cases/more-bcp.cases.ts';
import { mssCases } from './cases/mss.cases.ts';
import { nptv6Cases } from './cases/nptv6.cases.ts';
import { poolCases } from './cases/pool.cases.ts';
import { prefixPairCases } from './cases/prefix-pair.cases.ts';
import { routerIpv4Cases } from './cases/router-ipv4.cases.ts';
import { routerIpv6Cases } from './cases/router-ipv6.cases.ts';
import { tcpCases } from './cases/tcp.cases.ts';
import { udpMappingCases } from './cases/udp-mapping.cases.ts';
import { uplinkCases } from './cases/uplinks.cases.ts';
import { rfc6296Vectors } from './rfc6296-vectors.ts';

export function translatorCases(make: MakeTranslator): void {
  runCases('mapping and filtering (RFC 4787)', udpMappingCases, make);
  runCases('pools and capacity (RFC 6888)', poolCases, make);
  runCases('TCP (RFC 5382, 6146, 7857)', tcpCases, make);
  runCases('ICMP (RFC 5508)', icmpCases, make);
  runCases('hairpinning', hairpinCases, make);
  runCases('fragments (RFC 4787, 6146, 8900)', fragmentCases, make);
  runCases('identifications (RFC 6864)', identificationCases, make);
  runCases('maximum segment size (RFC 9293)', mssCases, make);
  runCases('exempt destinations (RFC 6888)', exemptCases, make);
  runCases('checksums (RFC 3022, 1624, 768)', checksumCases, make);
  runCases('IPv4 router (RFC 1812)', routerIpv4Cases, make);
  runCases('malformed IPv4', malformedIpv4Cases, make);
  runCases('further rows of the catalogue', moreBcpCases, make);
  runCases('several uplinks', uplinkCases, make);
  runCases('prefix pairs (RFC 6296 section 4.1)', prefixPairCases, make);
  runCases('NPTv6 (RFC 6296)', nptv6Cases, make);
  runCases('IPv6 router (RFC 4443, 8200, 6092)', routerIpv6Cases, make);
  rfc6296Vectors(make);
}
