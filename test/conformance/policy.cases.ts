/** The cases about policies and about flows whose uplink is to be left, by topic. */
import type { MakeTranslator } from '../support/translator-bed.ts';
import { runCases } from './case.ts';
import { filterLeavingCases } from './cases/filter-leaving.cases.ts';
import { leavingFlowCases } from './cases/leaving-flows.cases.ts';
import { leavingOneByOneCases } from './cases/leaving-one-by-one.cases.ts';
import { manySessionsCases } from './cases/many-sessions.cases.ts';
import { noUplinkCases } from './cases/no-uplink.cases.ts';
import { policyMatchCases } from './cases/policies.cases.ts';
import { policySessionCases } from './cases/policy-sessions.cases.ts';
import { resetSessionCases } from './cases/reset-sessions.cases.ts';
import { resetSweepCases } from './cases/reset-sweep.cases.ts';
import { weightedChoiceCases } from './cases/weighted-choice.cases.ts';

export function policyCases(make: MakeTranslator): void {
  runCases('policies without an uplink (RFC 8305, 1812)', noUplinkCases, make);
  runCases('policies', policyMatchCases, make);
  runCases('policies of sessions', policySessionCases, make);
  runCases('reset sessions', resetSessionCases, make);
  runCases('reset sessions: hosts that only receive', resetSweepCases, make);
  runCases('flows whose uplink is to be left', leavingFlowCases, make);
  runCases('flows that leave an uplink that works', leavingOneByOneCases, make);
  runCases('IPv6 flows whose uplink is to be left', filterLeavingCases, make);
  runCases('endpoints with many sessions', manySessionsCases, make);
  runCases('weighted choice', weightedChoiceCases, make);
}
