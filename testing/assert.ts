// A stand-in for jsr:@std/assert, because JSR is not reachable everywhere; the import map has this file as `@std/assert`.
import nodeAssert from "node:assert/strict";

export function assert(value: unknown, message?: string): asserts value {
  nodeAssert.ok(value, message as string);
}
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.deepStrictEqual(actual, expected, message as string);
}
export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  nodeAssert.match(actual, expected, message as string);
}
export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  nodeAssert.ok(actual.includes(expected), message ?? `${JSON.stringify(actual)} does not include ${JSON.stringify(expected)}`);
}
/** Asserts that `actual` has every property of `expected` with an equal value, at every depth; `actual` can have more. */
export function assertObjectMatch(actual: object, expected: object, message?: string): void {
  const part = (value: unknown, shape: unknown): unknown =>
    shape !== null && typeof shape === "object" && !Array.isArray(shape) && value !== null && typeof value === "object"
      ? Object.fromEntries(Object.keys(shape).map((key) => [key, part(Reflect.get(value, key), Reflect.get(shape, key))]))
      : value;
  nodeAssert.deepStrictEqual(part(actual, expected), expected, message as string);
}
type ErrorClass<E extends Error> = abstract new (...args: never[]) => E;

function check<E extends Error>(error: unknown, type: ErrorClass<E>, includes: string): asserts error is E {
  assert(error instanceof type, `threw ${error}, not ${type.name}`);
  assertStringIncludes((error as E).message, includes);
}
export function assertThrows<E extends Error>(act: () => unknown, type: ErrorClass<E>, includes = ""): E {
  try {
    act();
  } catch (error) {
    check(error, type, includes);
    return error;
  }
  throw new nodeAssert.AssertionError({ message: "nothing was thrown" });
}
export async function assertRejects<E extends Error>(act: () => Promise<unknown>, type: ErrorClass<E>, includes = ""): Promise<E> {
  try {
    await act();
  } catch (error) {
    check(error, type, includes);
    return error;
  }
  throw new nodeAssert.AssertionError({ message: "nothing was thrown" });
}
