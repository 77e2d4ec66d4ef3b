import { assert, assertEquals } from "@std/assert";
import { openTestDatabase } from "../../testing/database.ts";
import { directRpc } from "../../testing/direct-rpc.ts";
import { simulateLiveDay } from "../../testing/live-day.ts";

const db = await openTestDatabase();

Deno.test("in an hour that begins before the first match, changes reach their rows within 30 seconds, and nothing runs before play", async () => {
  const day = await simulateLiveDay(db, { tournaments: 3, from: "07:30", until: "08:30", rpc: directRpc(db) });
  assert(day.freshness_s.worst < 31, `${day.freshness_s.worst} s`);
  assertEquals(day.most_live_matches, 5);
  assertEquals(day.runs, { live: 90, skipped: 0, failed: 0, while_nothing_plays: 0, idle_minutes: 15 });
  const { full, schedule, incremental } = day.requests;
  // While one sync works on a tournament, the other does not request it.
  assert(incremental > 250 && full + incremental <= 270, `${full} + ${incremental} requests`);
  assert(full + schedule >= 12 && full + schedule <= 15, "one sync reads all matches of a tournament each quarter of an hour");
  assert(day.requests.most_in_flight <= 4);
});

Deno.test.afterAll(() => db.close());
