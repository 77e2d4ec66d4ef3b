import { z } from "zod";
import { TOURNAMENT_PRIORITIES } from "../../types/sync.ts";
import { as_of } from "./fields.ts";

const text = z.string().nullable();
const whole = z.number().int().nullable();

/** A tournament with the column names of its table. */
export const TournamentRecord = z.strictObject({
  no: z.string(),
  code: text,
  name: z.string(),
  title: text,
  season: text,
  gender: whole,
  type: whole,
  status: whole,
  start_date: text,
  end_date: text,
  start_date_qualification: text,
  start_date_main_draw: text,
  location: text,
  city: text,
  venue: text,
  country_code: text,
  country_name: text,
  no_event: text,
  vis_version: whole,
});
export type TournamentRecord = z.infer<typeof TournamentRecord>;

/** A match with the column names of its table. */
export const MatchRecord = z.strictObject({
  no: z.string(),
  no_in_tournament: whole,
  team_a_name: text,
  team_b_name: text,
  team_a_federation_code: text,
  team_b_federation_code: text,
  local_date: text,
  local_time: text,
  starts_at: text,
  begin_date_time_utc: text,
  end_date_time_utc: text,
  court: text,
  status: whole,
  result_type: whole,
  round: text,
  round_code: text,
  round_phase: whole,
  match_points_a: whole,
  match_points_b: whole,
  points_team_a_set1: whole,
  points_team_b_set1: whole,
  points_team_a_set2: whole,
  points_team_b_set2: whole,
  points_team_a_set3: whole,
  points_team_b_set3: whole,
  points_team_a_set4: whole,
  points_team_b_set4: whole,
  points_team_a_set5: whole,
  points_team_b_set5: whole,
  duration_set1: whole,
  duration_set2: whole,
  duration_set3: whole,
  duration_set4: whole,
  duration_set5: whole,
  no_referee1: text,
  no_referee2: text,
  referee1_name: text,
  referee2_name: text,
  referee1_federation_code: text,
  referee2_federation_code: text,
  vis_version: whole,
});
export type MatchRecord = z.infer<typeof MatchRecord>;

/** The lease of a run on a tournament. */
const lease = { execution_id: z.uuid(), tournament_no: z.string() };
/** The numbers of the rows that VIS still has, and the start of the run. */
const seen = { present: z.array(z.string()), tick_at: z.string() };
/** A record that Postgres refused; the other records of the batch are written. */
const Refused = z.object({ no: z.string(), sqlstate: z.string(), message: z.string() });
export type Refused = z.infer<typeof Refused>;

/** The changes of a held-back reply: the numbers it lacks, the columns it blanks, and the dates it moves, by number. */
const digest = {
  missing: z.array(z.string()),
  blanked: z.array(z.string()),
  moved: z.record(z.string(), z.string()),
};
export type Digest = z.infer<z.ZodObject<typeof digest>>;

/** The known rows of a request. */
const known = {
  /** The date of each row, by its number. */
  dates: z.record(z.string(), z.string().nullable()),
  /** The number of rows that have a value in a column. */
  filled: z.record(z.string(), z.number()),
  /** The held-back reply, and the time from which another reply confirms it. */
  held: z.object({ ...digest, confirmed_from: z.string() }).nullable(),
};
const KnownMatches = z.object({
  ...known,
  main_draw_from: text,
  main_draw_until: text,
  /** Whether the main draw is today, so that the tournament must have matches. */
  are_rows_due: z.boolean(),
  /** The version from which an incremental reply continues; null when a full reply is needed. */
  version: whole,
});
export type Known = z.infer<z.ZodObject<typeof known>>;
export type KnownMatches = z.infer<typeof KnownMatches>;

/** The finding of a run on a reply. */
const Look = z.strictObject({
  entity_type: z.string(),
  execution_id: z.uuid(),
  /** The changes of the held-back reply; null when the reply was accepted. */
  held: z.strictObject({ ...digest, warning: z.enum(["REPLY_SHRANK", "REPLY_BLANKED", "REPLY_MOVED"]) }).nullable(),
  /** Whether the reply contradicts an earlier held-back reply. */
  is_contradicted: z.boolean(),
});
export type Look = z.infer<typeof Look>;
const Written = z.object({ inserted: z.number(), updated: z.number(), unchanged: z.number(), refused: z.array(Refused) });

/** The slot of an answered request; its release reports the response time and a refusal. */
const AnsweredSlot = z.strictObject({
  upstream: z.string(),
  token: z.uuid(),
  response_ms: z.number().nullable(),
  /** The reason of the backoff that the release starts; null starts none. */
  backoff_reason: z.string().nullable(),
  /** The delay that the upstream asked for; null for the default of the upstream. */
  backoff_ms: z.number().nullable(),
  /** The fingerprint of the refusal; errors during the backoff have the same one. */
  backoff_fingerprint: z.string().nullable(),
});
export type AnsweredSlot = z.infer<typeof AnsweredSlot>;
const Slot = z.object({
  token: z.uuid().nullable(),
  backoff_until: z.string().nullable(),
  backoff_reason: z.string().nullable(),
  /** The fingerprint of the refusal that started the backoff. */
  backoff_fingerprint: z.string().nullable(),
});

export const SYNC_WRITES = {
  claim_upstream_slot: { args: { p_upstream: z.string(), as_of }, answer: Slot },
  release_upstream_slot: { args: { p: AnsweredSlot, as_of }, answer: z.null() },
  list_due_tournaments: {
    args: {
      p: z.strictObject({
        tournament_nos: z.array(z.string()).optional(),
        stalest_first: z.boolean().optional(),
        /** Whether only the tournaments that play now are returned. */
        playing: z.boolean().optional(),
      }),
      as_of,
    },
    answer: z.array(
      z.object({
        no: z.string(),
        /** The priority; null for a named tournament that the schedule does not sync. */
        priority: z.enum(TOURNAMENT_PRIORITIES).nullable(),
        match_count: z.number(),
        /** Bytes of the last full reply; null before the first. */
        reply_bytes: z.number().nullable(),
        is_leased: z.boolean(),
        is_fresh: z.boolean(),
      }),
    ),
  },
  claim_tournament: {
    args: { p: z.strictObject({ ...lease, upstream: z.string() }), as_of },
    answer: Slot.extend({ is_busy: z.boolean(), known: KnownMatches.nullable() }),
  },
  release_tournament: { args: { p: z.strictObject({ ...lease, slot: AnsweredSlot.optional() }), as_of }, answer: z.null() },
  write_matches: {
    args: {
      p: z.strictObject({
        ...lease,
        ...seen,
        matches: z.array(MatchRecord),
        look: Look.optional(),
        slot: AnsweredSlot.optional(),
        /** Whether the reply was accepted and has all matches of the tournament. */
        is_full: z.boolean().optional(),
        /** The version of the reply; null keeps the last one. */
        version: whole.optional(),
        /** Bytes of a full reply. */
        reply_bytes: z.number().int().optional(),
      }),
      as_of,
    },
    answer: Written.extend({ removed: z.number() }),
  },
  upsert_tournaments: {
    args: { p: z.strictObject({ tournaments: z.array(TournamentRecord), tick_at: z.string().optional() }), as_of },
    answer: Written,
  },
  get_known_season: { args: { p: z.strictObject({ season: z.string() }), as_of }, answer: z.object(known) },
  complete_season: {
    args: { p: z.strictObject({ season: z.string(), ...seen, present: seen.present.nullable(), look: Look.optional() }), as_of },
    answer: z.number(),
  },
};
