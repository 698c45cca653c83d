import { create } from "@bufbuild/protobuf";

import {
  type Parameter,
  ParameterType,
  type ParameterValue,
  ParameterValueSchema,
} from "./gen/nextpoint/v1/search_space_pb.js";

/**
 * One value for every conditional and every parameter that is there, by name. Whole numbers are
 * numbers, too.
 */
export type Assignments = Record<string, AssignmentValue>;
export type AssignmentValue = number | string | boolean;

/**
 * What a shape of assignments may look like: an interface with one property for each parameter,
 * optional where a conditional decides whether it is there.
 */
export type AssignmentsShape<A> = { [K in keyof A]: AssignmentValue };

/** Returns assignments as a record. A kind that a later contract adds is left out. */
export function toAssignments<A extends AssignmentsShape<A> = Assignments>(
  values: Record<string, ParameterValue>,
): A {
  const entries = Object.entries(values).flatMap(([name, { kind }]) => {
    if (kind.case === undefined) return [];
    // From -2^53 to 2^53, so no bigint is needed.
    return [[name, kind.case === "intValue" ? Number(kind.value) : kind.value] as const];
  });
  return Object.fromEntries<AssignmentValue>(entries) as A;
}

/**
 * Returns assignments as messages. It takes the parameters of the experiment, because a number does
 * not show whether it is a double or an int.
 */
export function fromAssignments<A extends AssignmentsShape<A>>(
  assignments: A,
  parameters: readonly Parameter[],
): Record<string, ParameterValue> {
  const types = new Map(parameters.map(({ name, type }) => [name, type]));
  return Object.fromEntries(
    Object.entries<AssignmentValue | undefined>(assignments).flatMap(([name, value]) => {
      if (value === undefined) return [];
      return [[name, create(ParameterValueSchema, { kind: toKind(value, types.get(name)) })]];
    }),
  );
}

function toKind(value: AssignmentValue, type: ParameterType | undefined) {
  switch (typeof value) {
    case "string":
      return { case: "stringValue", value } as const;
    case "boolean":
      return { case: "boolValue", value } as const;
    case "number":
      return type === ParameterType.INT && Number.isInteger(value)
        ? ({ case: "intValue", value: BigInt(value) } as const)
        : ({ case: "doubleValue", value } as const);
  }
}
