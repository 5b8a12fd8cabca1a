/** What a running gateway tells its program. */
import type { ControlNotice } from '../control/notice.ts';

export type NptdEvent =
  | ControlNotice
  /** Devices are open and the first plan is in force. */
  | { readonly type: 'ready'; readonly atMs: number; readonly generation: number }
  /** Everything the gateway made is gone. */
  | { readonly type: 'closed'; readonly atMs: number };

export type NptdEventType = NptdEvent['type'];

export type NptdListener<T extends NptdEventType> = (event: Extract<NptdEvent, { readonly type: T }>) => void;

type AnyListener = (event: NptdEvent) => void;

/** Listeners by type of event. One that throws does not keep the others from hearing. */
export class EventHub {
  readonly #listeners = new Set<AnyListener>();
  readonly #onListenerError: (error: unknown) => void;

  constructor(onListenerError: (error: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  /** Returns the function that removes the listener. */
  on<T extends NptdEventType>(type: T, listener: NptdListener<T>): () => void {
    const take: AnyListener = (event) => {
      if (hasType(event, type)) listener(event);
    };
    this.#listeners.add(take);
    return () => this.#listeners.delete(take);
  }

  emit(event: NptdEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        this.#onListenerError(error);
      }
    }
  }
}

function hasType<T extends NptdEventType>(
  event: NptdEvent,
  type: T,
): event is Extract<NptdEvent, { readonly type: T }> {
  return event.type === type;
}
