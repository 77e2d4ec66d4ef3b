import { assert, assertEquals } from "@std/assert";
import { replayRule } from "../alert-replay.ts";
import type { MeasuredValue, ReplayFacts } from "../contract/replay.ts";
import { at, facts, iso, MINUTE, values } from "../../testing/replay-facts.ts";
import { seeded } from "../../testing/random.ts";

const DAYS = 30, MINUTES = DAYS * 1_440;

/** A month of one rule: values that change every few hours, gaps of the processor, silences, and acts of people. */
function aMonth(random: () => number): ReplayFacts {
  const between = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
  const oneOf = <T>(...choices: T[]): T => choices[between(0, choices.length - 1)]!;
  const gaps = Array.from({ length: 12 }, () => between(0, MINUTES)).map((from) => [from, from + between(2, 90)] as const);
  const minutes = Array.from({ length: MINUTES + 1 }, (_, minute) => minute)
    .filter((minute) => !gaps.some(([from, until]) => minute > from && minute < until));
  const changes: Record<number, number> = { 0: 0 };
  for (let index = 0; index < minutes.length; index += oneOf(1, 3, between(1, 40), between(10, 400))) {
    changes[minutes[index]!] = oneOf(0, 0, 1, 2, 3, 4);
  }
  const silences = Array.from({ length: 6 }, (_, index) => {
    const from = between(0, MINUTES), isRecurring = index % 3 === 0;
    return {
      ...{
        id: crypto.randomUUID(),
        entity_type: oneOf(null, "matches_schedule"),
        severity: oneOf(null, "LOW" as const),
        incident_id: null,
      },
      ...{ starts_at: iso(from), ends_at: iso(from + (isRecurring ? 10_000 : between(5, 2_000))) },
      ...{ recurs_ms: isRecurring ? 1_440 * MINUTE : null, lasts_ms: isRecurring ? between(10, 300) * MINUTE : null },
    };
  });
  const acts = Array.from({ length: 60 }, () => {
    const moment = between(0, MINUTES);
    return {
      at: at(moment) + 1,
      action: oneOf("acknowledge" as const, "unacknowledge" as const, "resolve" as const),
      until: oneOf(null, iso(moment + between(5, 600))),
    };
  }).sort((a, b) => a.at - b.at);
  const known = values(changes).map((value) => random() < 0.1 ? { ...value, value: null } : value);
  return facts({}, { as_of: iso(MINUTES), evaluations: minutes.map(at), values: known, silences, acts }, {
    for_ms: oneOf(0, 0, 7, 20) * MINUTE,
    repeat_ms: oneOf(60, 240) * MINUTE,
    escalation_ms: oneOf(null, 15 * MINUTE, 45 * MINUTE),
    recovery_threshold: oneOf(null, 1),
    flap_ms: oneOf(30, 60) * MINUTE,
    no_data: oneOf("KEEP", "OK", "ALERT"),
  });
}

/** The values at each evaluation, as the live processor measures them. */
function atEachEvaluation({ evaluations, values }: ReplayFacts): MeasuredValue[] {
  let next = 0, value = values[0]!;
  return evaluations.map((now) => {
    while (next < values.length && values[next]!.at <= now) value = values[next++]!;
    return { ...value, at: now };
  });
}

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) {
  Deno.test(`random month ${seed} has the same incidents and notifications as one that is evaluated each minute`, () => {
    const month = aMonth(seeded(seed));
    const { incidents, notifications } = replayRule(month);
    const live = replayRule({ ...month, values: atEachEvaluation(month) });
    assertEquals(incidents, live.incidents);
    assertEquals(notifications, live.notifications);
    assert(incidents.length >= 10, `${incidents.length}`);
  });
}
