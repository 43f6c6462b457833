/** The events of a run's stream, as the server sends them (docs/streaming.md). `at` is ISO 8601, offsets count code points. */
export interface FactEvent {
  event: "fact";
  id: string;
  seq: number;
  name: string;
  step: string | null;
  data: Record<string, unknown>;
  at: string;
}
export interface TextEvent {
  event: "text";
  id: string;
  step: string;
  attempt: number;
  offset: number;
  text: string;
  at: string;
}
export interface RetractEvent {
  event: "retract";
  id: string;
  seq: number;
  step: string;
  from_offset: number;
  reason: string;
}
export interface EndEvent {
  event: "end";
  id: string;
  seq: number;
  status: "completed" | "failed" | "cancelled";
}
export type StreamEvent = FactEvent | TextEvent | RetractEvent | EndEvent;
