import { assertEquals, assertRejects } from "@std/assert";
import { DatabaseError } from "../errors.ts";
import { createRpc } from "../rpc.ts";
import { answeredCall } from "../../testing/rpc-client.ts";

const execution_id = "00000000-0000-4000-8000-000000000000";
const sent: unknown[] = [];
const answering = (data: unknown) =>
  createRpc({
    rpc: (...call) => {
      sent.push(call);
      return answeredCall({ data, error: null });
    },
  });
const rpc = answering([]);

const misspelt = { tournament_nos: ["1"], stalest_frist: true };
const as_of = "2026-06-10T12:00:00Z";
/** Calls that differ from the contract; the type check of this file fails when one of them compiles. */
const REFUSED: (() => Promise<unknown>)[] = [
  // @ts-expect-error the function is misspelt
  () => rpc("claim_tournement", { p: { execution_id, tournament_no: "1" } }),
  // @ts-expect-error a required field of p is misspelt
  () => rpc("claim_tournament", { p: { upstream: "vis", execution_id, tournement_no: "1" } }),
  // @ts-expect-error a required field of p is missing
  () => rpc("claim_tournament", { p: { upstream: "vis", execution_id } }),
  // @ts-expect-error p is missing
  () => rpc("claim_tournament", {}),
  // @ts-expect-error an optional field of p is misspelt
  () => rpc("list_due_tournaments", { p: { stalest_frist: true } }),
  // @ts-expect-error an optional field of p is misspelt in a variable
  () => rpc("list_due_tournaments", { p: misspelt }),
  // @ts-expect-error an optional field of p is misspelt in a spread
  () => rpc("list_due_tournaments", { p: { ...misspelt } }),
  // @ts-expect-error an optional argument is misspelt
  () => rpc("list_due_tournaments", { p: {}, as_off: as_of }),
  // @ts-expect-error the function takes no time
  () => rpc("list_entities", { as_of }),
  // @ts-expect-error a field of p has the wrong type
  () => rpc("list_due_tournaments", { p: { tournament_nos: "1" } }),
  // @ts-expect-error a counter is misspelt
  () => rpc("heartbeat_sync_execution", { p: { execution_id, counters: { api_call: 1 }, results: [], errors: [] } }),
  // @ts-expect-error the answer has no such field
  () => rpc("list_due_tournaments", { p: {} }).then(([due]) => due?.is_frehs),
  // @ts-expect-error the answer is an object
  (): Promise<string> => rpc("claim_tournament", { p: { upstream: "vis", execution_id, tournament_no: "1" } }),
];

Deno.test("rpc checks arguments at compile time only", async () => {
  await Promise.allSettled(REFUSED.map((call) => call()));
  assertEquals(sent.length, REFUSED.length);
});

Deno.test("rpc sends the arguments as they are and returns the parsed answer", async () => {
  const due = { no: "1", priority: "LIVE" as const, match_count: 4, reply_bytes: 900, is_leased: false, is_fresh: true };
  const args = { p: { tournament_nos: ["1"] }, as_of: "2026-06-10T12:00:00Z" };
  assertEquals(await answering([{ ...due, further: 1 }])("list_due_tournaments", args), [due]);
  assertEquals(sent.at(-1), ["list_due_tournaments", args]);
  const wrong = await assertRejects(() => answering([{ ...due, no: 1 }])("list_due_tournaments", args), DatabaseError);
  assertEquals(wrong.sqlstate, "ANSWER");
});
