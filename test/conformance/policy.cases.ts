/** The cases about policies and about flows whose uplink is to be left, by topic. */
import type { MakeTranslator } from '../support/translator-bed.ts';
import { runCases } from './case.ts';
import { noUplinkCases } from './cases/no-uplink.cases.ts';
import { policyMatchCases } from './cases/policies.cases.ts';
import { policySessionCases } from './cases/policy-sessions.cases.ts';
import { weightedChoiceCases } from './cases/weighted-choice.cases.ts';

export function policyCases(make: MakeTranslator): void {
  runCases('policies without an uplink (RFC 8305, 1812)', noUplinkCases, make);
  runCases('policies', policyMatchCases, make);
  runCases('policies of sessions', policySessionCases, make);
  runCases('weighted choice', weightedChoiceCases, make);
}
