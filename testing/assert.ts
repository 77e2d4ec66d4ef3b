// Stands for jsr:@std/assert, which cannot be installed everywhere; with JSR the import map names that instead.
import nodeAssert from "node:assert/strict";

export function assert(value: unknown, message?: string): asserts value {
  nodeAssert.ok(value, message);
}
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.deepStrictEqual(actual, expected, message);
}
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.notDeepStrictEqual(actual, expected, message);
}
export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  nodeAssert.match(actual, expected, message);
}
export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  nodeAssert.ok(actual.includes(expected), message ?? `${JSON.stringify(actual)} does not include ${JSON.stringify(expected)}`);
}
/** Every property of `expected` is in `actual`, deeply; others may be there too. */
export function assertObjectMatch(actual: object, expected: object, message?: string): void {
  const part = (value: unknown, shape: unknown): unknown =>
    shape !== null && typeof shape === "object" && !Array.isArray(shape) && value !== null && typeof value === "object"
      ? Object.fromEntries(Object.keys(shape).map((key) => [key, part(Reflect.get(value, key), Reflect.get(shape, key))]))
      : value;
  nodeAssert.deepStrictEqual(part(actual, expected), expected, message);
}
// deno-lint-ignore no-explicit-any -- an error class of any constructor
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

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
