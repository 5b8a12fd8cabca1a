/** The public interface of the package. */
export { NptdError, type NptdErrorCode } from './api/errors.ts';
export type { NptdEvent, NptdEventType, NptdListener } from './api/events.ts';
export { createNptd, type HistoryQuery, type Nptd, type NptdOptions } from './api/nptd.ts';
export type { History } from './api/operations-record.ts';
export type { Preview } from './api/preview.ts';
export { type ProbeReport, type ProbeRequest, probe } from './api/probe.ts';
export type { ExhaustedStatus, FamilyStatus, PolicyTargetsStatus, Status, UplinkStatus } from './api/status.ts';
export { createTranslator, type PacketTranslator, type PacketTranslatorOptions } from './api/translator.ts';
export { verdictCatalogue } from './api/verdict-catalogue.ts';
export type { FlowDescription, Why, WhyCandidate } from './api/why.ts';
export type { NptdConfig } from './config/config.ts';
export type { ConfigIssue } from './config/issue.ts';
export { type ParsedConfig, parseConfig } from './config/parse.ts';
export type { HealthStatus } from './control/multihoming/health.ts';
export type { Selection } from './control/multihoming/selection.ts';
export type { UplinkMode } from './control/multihoming/standing.ts';
export type {
  AddressChanged,
  ControlNotice,
  Exhausted,
  FlowsLeave,
  LogEntry,
  LogLevel,
  ModeChanged,
  PlanApplied,
  PolicyTargetsChanged,
  ProbesVetoed,
  SelectionChanged,
  UplinkChanged,
} from './control/notice.ts';
export type { ProbeOutcome } from './control/probe/probe-round.ts';
export type { AssumedState, Assumption, SimulatedFlows, SimulatedPolicy } from './control/simulate.ts';
export type { Availability, Outage } from './journal/availability.ts';
export type { JournalEntry } from './journal/entry.ts';
export type {
  CountersSnapshot,
  DataPlane,
  DataPlaneEvent,
  DataPlaneOptions,
  DeviceId,
  DeviceOptions,
  PassedFrame,
  ProbeOptions,
  ProbeSample,
  TrafficCount,
  VerdictCount,
} from './native/data-plane.ts';
export {
  BATCH_HEADROOM,
  BATCH_PACKETS_MAX,
  createPacketBatch,
  DESCRIPTOR_WORDS,
  egressAt,
  type PacketBatch,
  packetAt,
  putPacket,
} from './native/packet-batch.ts';
export type { Plan } from './plan/plan.ts';
export type { MappingRow, OutgoingPacket, SessionRow, TranslationResult } from './reference/translator.ts';
export type { Result } from './result.ts';
