import type { DuplicateRows, InvalidRows } from "../../../testing/rows.ts";

const TOKEN = "00000000-0000-4000-8000-000000000005", LATE = "2026-06-10T10:00:00Z";

const invalidRows: InvalidRows = {
  audit_log: {
    audit_log_action_is_a_name: [{ action: "Edit rule" }, { action: "edit-" }],
    audit_log_act_is_not_empty: [{ before: null, after: null }],
    audit_log_voucher_is_sha256: [{ voucher: "" }, { voucher: "0".repeat(63) }],
  },
  audit_seals: {
    audit_seals_mac_is_sha256: [{ mac: "0".repeat(63) }, { mac: "0".repeat(65) }, { mac: "G".repeat(64) }],
    audit_seals_digest_is_sha256: [{ digest: "0".repeat(63) }, { digest: "G".repeat(64) }],
    audit_seals_verdict_is_known: [{ verdict: "" }, { verdict: "vouched" }],
    audit_seals_previous_is_not_later: [{ previous_id: 2 }, { previous_id: 3 }],
    audit_seals_first_has_no_previous_mac: [{ previous_id: null }, { previous_mac: "" }],
  },
  "private.connectivity_test": {
    connectivity_test_is_one_row: [{ id: false }],
    connectivity_test_has_a_time_iff_a_result: [{ tested_at: LATE }, { result: {} }],
  },
  "private.digest_key": { digest_key_is_one_row: [{ id: false }] },
  "private.people_claim": {
    people_claim_is_one_row: [{ id: false }],
    people_claim_is_whole: [{ token: TOKEN }, { expires_at: LATE }, { token: TOKEN, expires_at: LATE }, { act: {} }],
  },
};

const duplicateRows: DuplicateRows = {
  audit_log: { audit_log_one_act_per_voucher: [[{ voucher: "0".repeat(64) }, { voucher: "0".repeat(64) }]] },
  audit_seals: { audit_seals_previous_id_key: [[{}, { audit_id: 3 }]] },
};

export const audit = { invalidRows, duplicateRows };
