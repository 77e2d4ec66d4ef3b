import { assertEquals, assertObjectMatch } from "@std/assert";
import { answerFor } from "../supabase.ts";

Deno.test("a database error has the answer of hosted PostgREST", () => {
  const expected: [string, number, string][] = [
    ["P0001", 400, "P0001"],
    ["23514", 400, "23514"],
    ["23505", 409, "23505"],
    ["25006", 405, "25006"],
    ["40001", 500, "40001"],
    ["57014", 500, "57014"],
    ["08006", 503, "08006"],
    ["53300", 503, "53300"],
    ["53400", 500, "53400"],
    ["42703", 400, "42703"],
    ["ECONNREFUSED", 503, "PGRST001"],
    ["CONNECTION_LOST", 503, "PGRST001"],
  ];
  for (const [code, status, answered] of expected) {
    const answer = answerFor({ code, message: "m" });
    assertEquals(answer?.status, status, code);
    assertObjectMatch(answer?.body as object, { code: answered });
  }
});

Deno.test("the right answers of lite are unchanged", () => {
  for (const code of ["PT409", "PGRST202", undefined]) assertEquals(answerFor({ code, message: "m" }), null);
});
