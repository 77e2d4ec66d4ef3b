import type { DuplicateRows, InvalidRows } from "../../../testing/rows.ts";

const invalidRows: InvalidRows = {
  audit_log: {
    audit_log_action_is_a_name: [{ action: "Edit rule" }, { action: "edit-" }],
    audit_log_act_is_not_empty: [{ before: null, after: null }],
  },
  audit_seals: {
    audit_seals_mac_is_sha256: [{ mac: "0".repeat(63) }, { mac: "0".repeat(65) }, { mac: "G".repeat(64) }],
    audit_seals_previous_is_not_later: [{ previous_id: 2 }, { previous_id: 3 }],
  },
};

const duplicateRows: DuplicateRows = {
  audit_seals: { audit_seals_previous_id_key: [[{}, { audit_id: 3 }]] },
};

export const audit = { invalidRows, duplicateRows };
