import type { DescMethod } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";

import serviceConfig from "./gen/nextpoint/service_config.js";
import type { RetryPolicy } from "./retry.js";

interface MethodConfig {
  readonly name: readonly { readonly service?: string; readonly method?: string }[];
  readonly timeout?: string;
  readonly retryPolicy: {
    readonly maxAttempts: number;
    readonly initialBackoff: string;
    readonly maxBackoff: string;
    readonly backoffMultiplier: number;
    readonly retryableStatusCodes: readonly string[];
  };
}

// That of the clients of all languages, in gRPC's own form. Connect does not read it by itself.
const methodConfigs: readonly MethodConfig[] = serviceConfig.methodConfig;

/** How long a call may take, all its attempts together, where nobody says otherwise. */
export const DEFAULT_TIMEOUT_MS = toMs(configOf()!.timeout!);

/**
 * When a call is made again: over about 7 seconds, after which a service that never answered is
 * reported as not being there.
 */
export function callPolicy({ parent, name }: DescMethod): RetryPolicy {
  const service = parent.typeName;
  const { retryPolicy } = configOf(service, name) ?? configOf(service) ?? configOf()!;
  return {
    firstDelayMs: toMs(retryPolicy.initialBackoff),
    multiplier: retryPolicy.backoffMultiplier,
    maxDelayMs: toMs(retryPolicy.maxBackoff),
    maxAttempts: retryPolicy.maxAttempts,
    patienceMs: Infinity,
    codes: retryPolicy.retryableStatusCodes.map(toCode),
  };
}

function configOf(service?: string, method?: string): MethodConfig | undefined {
  return methodConfigs.find(({ name }) =>
    name.some((each) => each.service === service && each.method === method),
  );
}

function toMs(duration: string): number {
  return 1_000 * parseFloat(duration);
}

/** Returns the code that gRPC calls `RESOURCE_EXHAUSTED`, and Connect `ResourceExhausted`. */
function toCode(name: string): Code {
  const words = name.toLowerCase().split("_");
  const camelCase = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
  return Code[camelCase as keyof typeof Code];
}
