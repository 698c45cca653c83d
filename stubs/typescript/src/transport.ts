import { randomUUID } from "node:crypto";

import {
  create,
  type DescMessage,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { type Duration, durationMs } from "@bufbuild/protobuf/wkt";
import type { Transport } from "@connectrpc/connect";

import { NextpointError } from "./errors.js";
import { Retries } from "./retry.js";
import { callPolicy } from "./service_config.js";

/** Longer than any service waits, and not too long for a timer. */
const LONGEST_WAIT_MS = 86_400_000;

/**
 * Returns a transport that does what every call needs: an id for each change, a deadline over all
 * attempts, further attempts while the service is away, and errors that say why.
 */
export function dependable(transport: Transport, defaultTimeoutMs: number): Transport {
  return {
    unary(method, signal, givenTimeoutMs, header, input, contextValues) {
      const message = identified(method.input, input);
      // Connect takes 0 for no deadline.
      const timeoutMs =
        givenTimeoutMs ?? (defaultTimeoutMs && defaultTimeoutMs + maxWaitMs(message));
      const patienceMs = timeoutMs > 0 ? timeoutMs : Infinity;
      const deadline = performance.now() + patienceMs;
      const attempt = () => {
        const leftMs = timeoutMs > 0 ? Math.max(1, Math.ceil(deadline - performance.now())) : 0;
        return transport.unary(method, signal, leftMs, header, message, contextValues);
      };
      return new Retries({ ...callPolicy(method), patienceMs }).run(attempt, signal);
    },

    // Only its reader knows whether a stream is to be opened anew, and it has no deadline.
    async stream(method, signal, timeoutMs = 0, header, input, contextValues) {
      try {
        const opened = transport.stream(method, signal, timeoutMs, header, input, contextValues);
        const response = await opened;
        return { ...response, message: translated(response.message, signal) };
      } catch (error) {
        signal?.throwIfAborted();
        throw NextpointError.from(error);
      }
    },
  };
}

async function* translated<T>(messages: AsyncIterable<T>, signal?: AbortSignal): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    signal?.throwIfAborted();
    throw NextpointError.from(error);
  }
}

/**
 * Gives a change its id, unless it has one. It is a copy: a request that its owner sends twice is
 * two changes.
 */
function identified<I extends DescMessage>(schema: I, input: MessageInitShape<I>): MessageShape<I> {
  if (!("requestId" in schema.field)) return create(schema, input);
  const { requestId } = input as { requestId?: string };
  return create(schema, { ...input, requestId: requestId || randomUUID() } as MessageInitShape<I>);
}

/** Returns how long the service may wait, as the request asks: what is none, it refuses at once. */
function maxWaitMs(message: Message): number {
  const { maxWait } = message as { maxWait?: Duration };
  return maxWait ? Math.min(Math.max(0, durationMs(maxWait)), LONGEST_WAIT_MS) : 0;
}
