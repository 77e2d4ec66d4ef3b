// Generated from the migrations by `deno task types`; not edited by hand.
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[];

export type Database = {
  "public": {
    Tables: {
      "alert_coverage": {
        Row: {
          "entity_type": string;
          "first_run_at": string;
          "incident_id": string;
          "last_run_at": string;
        };
        ComputedFields: never;
        Insert: {
          "entity_type": string;
          "first_run_at": string;
          "incident_id": string;
          "last_run_at": string;
        };
        Update: {
          "entity_type"?: string;
          "first_run_at"?: string;
          "incident_id"?: string;
          "last_run_at"?: string;
        };
        Relationships: [
          {
            foreignKeyName: "alert_coverage_incident_id_fkey";
            columns: ["incident_id"];
            isOneToOne: false;
            referencedRelation: "alert_incidents";
            referencedColumns: ["id"];
          },
        ];
      };
      "alert_deliveries": {
        Row: {
          "at": string;
          "attempt": number;
          "duration_ms": number;
          "error": string | null;
          "id": number;
          "notification_id": string;
          "outcome": string;
          "status_code": number | null;
        };
        ComputedFields: never;
        Insert: {
          "at": string;
          "attempt": number;
          "duration_ms": number;
          "error"?: string | null;
          "id"?: never;
          "notification_id": string;
          "outcome": string;
          "status_code"?: number | null;
        };
        Update: {
          "at"?: string;
          "attempt"?: number;
          "duration_ms"?: number;
          "error"?: string | null;
          "id"?: never;
          "notification_id"?: string;
          "outcome"?: string;
          "status_code"?: number | null;
        };
        Relationships: [
          {
            foreignKeyName: "alert_deliveries_notification_id_fkey";
            columns: ["notification_id"];
            isOneToOne: false;
            referencedRelation: "alert_notifications";
            referencedColumns: ["id"];
          },
        ];
      };
      "alert_evaluations": {
        Row: {
          "applied": number;
          "cause": string;
          "evaluated_at": string;
          "evaluated_since": string | null;
          "id": number;
          "rules": number;
        };
        ComputedFields: never;
        Insert: {
          "applied": number;
          "cause": string;
          "evaluated_at": string;
          "evaluated_since"?: string | null;
          "id"?: never;
          "rules": number;
        };
        Update: {
          "applied"?: number;
          "cause"?: string;
          "evaluated_at"?: string;
          "evaluated_since"?: string | null;
          "id"?: never;
          "rules"?: number;
        };
        Relationships: [];
      };
      "alert_events": {
        Row: {
          "at": string;
          "from_state": string | null;
          "id": number;
          "incident_id": string;
          "reason": string;
          "severity": string;
          "to_state": string;
        };
        ComputedFields: never;
        Insert: {
          "at": string;
          "from_state"?: string | null;
          "id"?: never;
          "incident_id": string;
          "reason": string;
          "severity": string;
          "to_state": string;
        };
        Update: {
          "at"?: string;
          "from_state"?: string | null;
          "id"?: never;
          "incident_id"?: string;
          "reason"?: string;
          "severity"?: string;
          "to_state"?: string;
        };
        Relationships: [
          {
            foreignKeyName: "alert_events_incident_id_fkey";
            columns: ["incident_id"];
            isOneToOne: false;
            referencedRelation: "alert_incidents";
            referencedColumns: ["id"];
          },
        ];
      };
      "alert_incidents": {
        Row: {
          "acknowledged_at": string | null;
          "acknowledged_by": string | null;
          "acknowledged_until": string | null;
          "awaits_recovery": boolean;
          "began_at": string;
          "cause": string | null;
          "entity_type": string;
          "escalated_at": string | null;
          "escalation_step": number;
          "evidence": NonNullable<Json>;
          "fired_at": string | null;
          "id": string;
          "is_flapping": boolean;
          "is_test": boolean;
          "label": string | null;
          "labelled_by": string | null;
          "last_notified_at": string | null;
          "message": string;
          "met_at": string | null;
          "met_ms": number;
          "metric": string;
          "missed_due_at": string | null;
          "muted_by": string | null;
          "notified_at": string | null;
          "opened_at": string;
          "parent_id": string | null;
          "recovered_at": string | null;
          "resolved_at": string | null;
          "rule_id": string | null;
          "rule_name": string;
          "severity": string;
          "state": string;
          "threshold": number;
          "tournament_no": string | null;
          "unacknowledged_since": string | null;
          "updated_at": string;
          "value": number | null;
          "version": number;
        };
        ComputedFields: never;
        Insert: {
          "acknowledged_at"?: string | null;
          "acknowledged_by"?: string | null;
          "acknowledged_until"?: string | null;
          "awaits_recovery"?: boolean;
          "began_at": string;
          "cause"?: string | null;
          "entity_type": string;
          "escalated_at"?: string | null;
          "escalation_step"?: number;
          "evidence"?: NonNullable<Json>;
          "fired_at"?: string | null;
          "id"?: string;
          "is_flapping"?: boolean;
          "is_test"?: never;
          "label"?: string | null;
          "labelled_by"?: string | null;
          "last_notified_at"?: string | null;
          "message": string;
          "met_at"?: string | null;
          "met_ms"?: number;
          "metric": string;
          "missed_due_at"?: string | null;
          "muted_by"?: string | null;
          "notified_at"?: string | null;
          "opened_at": string;
          "parent_id"?: string | null;
          "recovered_at"?: string | null;
          "resolved_at"?: string | null;
          "rule_id"?: string | null;
          "rule_name": string;
          "severity": string;
          "state": string;
          "threshold": number;
          "tournament_no"?: string | null;
          "unacknowledged_since"?: string | null;
          "updated_at": string;
          "value"?: number | null;
          "version"?: number;
        };
        Update: {
          "acknowledged_at"?: string | null;
          "acknowledged_by"?: string | null;
          "acknowledged_until"?: string | null;
          "awaits_recovery"?: boolean;
          "began_at"?: string;
          "cause"?: string | null;
          "entity_type"?: string;
          "escalated_at"?: string | null;
          "escalation_step"?: number;
          "evidence"?: NonNullable<Json>;
          "fired_at"?: string | null;
          "id"?: string;
          "is_flapping"?: boolean;
          "is_test"?: never;
          "label"?: string | null;
          "labelled_by"?: string | null;
          "last_notified_at"?: string | null;
          "message"?: string;
          "met_at"?: string | null;
          "met_ms"?: number;
          "metric"?: string;
          "missed_due_at"?: string | null;
          "muted_by"?: string | null;
          "notified_at"?: string | null;
          "opened_at"?: string;
          "parent_id"?: string | null;
          "recovered_at"?: string | null;
          "resolved_at"?: string | null;
          "rule_id"?: string | null;
          "rule_name"?: string;
          "severity"?: string;
          "state"?: string;
          "threshold"?: number;
          "tournament_no"?: string | null;
          "unacknowledged_since"?: string | null;
          "updated_at"?: string;
          "value"?: number | null;
          "version"?: number;
        };
        Relationships: [
          {
            foreignKeyName: "alert_incidents_parent_id_fkey";
            columns: ["parent_id"];
            isOneToOne: false;
            referencedRelation: "alert_incidents";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "alert_incidents_rule_id_fkey";
            columns: ["rule_id"];
            isOneToOne: false;
            referencedRelation: "alert_rules";
            referencedColumns: ["id"];
          },
        ];
      };
      "alert_notifications": {
        Row: {
          "attempts": number;
          "channel": string;
          "created_at": string;
          "destination_id": number | null;
          "discarded_by": string | null;
          "first_failed_at": string | null;
          "group_key": string;
          "id": string;
          "incident_id": string;
          "is_perhaps_received": boolean;
          "item": NonNullable<Json>;
          "last_error": string | null;
          "lease_expires_at": string | null;
          "message_id": string | null;
          "sent_at": string | null;
          "seq": number;
          "settled_at": string | null;
          "status": string;
          "token": string | null;
        };
        ComputedFields: never;
        Insert: {
          "attempts"?: number;
          "channel": string;
          "created_at": string;
          "destination_id"?: number | null;
          "discarded_by"?: string | null;
          "first_failed_at"?: string | null;
          "group_key": string;
          "id"?: string;
          "incident_id": string;
          "is_perhaps_received"?: boolean;
          "item": NonNullable<Json>;
          "last_error"?: string | null;
          "lease_expires_at"?: string | null;
          "message_id"?: string | null;
          "sent_at"?: string | null;
          "seq"?: never;
          "settled_at"?: string | null;
          "status"?: string;
          "token"?: string | null;
        };
        Update: {
          "attempts"?: number;
          "channel"?: string;
          "created_at"?: string;
          "destination_id"?: number | null;
          "discarded_by"?: string | null;
          "first_failed_at"?: string | null;
          "group_key"?: string;
          "id"?: string;
          "incident_id"?: string;
          "is_perhaps_received"?: boolean;
          "item"?: NonNullable<Json>;
          "last_error"?: string | null;
          "lease_expires_at"?: string | null;
          "message_id"?: string | null;
          "sent_at"?: string | null;
          "seq"?: never;
          "settled_at"?: string | null;
          "status"?: string;
          "token"?: string | null;
        };
        Relationships: [
          {
            foreignKeyName: "alert_notifications_destination_id_fkey";
            columns: ["destination_id"];
            isOneToOne: false;
            referencedRelation: "notification_destinations";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "alert_notifications_incident_id_fkey";
            columns: ["incident_id"];
            isOneToOne: false;
            referencedRelation: "alert_incidents";
            referencedColumns: ["id"];
          },
        ];
      };
      "alert_rule_versions": {
        Row: {
          "changed_by": string;
          "id": number;
          "rule": NonNullable<Json>;
          "rule_id": string;
          "valid_from": string;
          "valid_until": string | null;
        };
        ComputedFields: never;
        Insert: {
          "changed_by": string;
          "id"?: never;
          "rule": NonNullable<Json>;
          "rule_id": string;
          "valid_from": string;
          "valid_until"?: string | null;
        };
        Update: {
          "changed_by"?: string;
          "id"?: never;
          "rule"?: NonNullable<Json>;
          "rule_id"?: string;
          "valid_from"?: string;
          "valid_until"?: string | null;
        };
        Relationships: [];
      };
      "alert_rules": {
        Row: {
          "broken_reason": string | null;
          "broken_since": string | null;
          "created_at": string;
          "description": string;
          "entity_type": string;
          "error_type": string | null;
          "escalation_channels": NonNullable<Json>;
          "escalation_delay": string | null;
          "evaluation_window": string;
          "for_duration": string;
          "id": string;
          "is_active": boolean;
          "lowest_priority": string | null;
          "metric": string;
          "minimum_runs": number;
          "name": string;
          "no_data": string;
          "notification_channels": NonNullable<Json>;
          "objective_id": string | null;
          "recovery_threshold": number | null;
          "repeat_interval": string;
          "runbook_url": string | null;
          "scope": string;
          "severity": string;
          "threshold": number;
          "updated_at": string;
        };
        ComputedFields: never;
        Insert: {
          "broken_reason"?: string | null;
          "broken_since"?: string | null;
          "created_at"?: string;
          "description"?: string;
          "entity_type": string;
          "error_type"?: string | null;
          "escalation_channels"?: NonNullable<Json>;
          "escalation_delay"?: string | null;
          "evaluation_window": string;
          "for_duration"?: string;
          "id"?: string;
          "is_active"?: boolean;
          "lowest_priority"?: string | null;
          "metric": string;
          "minimum_runs"?: number;
          "name": string;
          "no_data"?: string;
          "notification_channels"?: NonNullable<Json>;
          "objective_id"?: string | null;
          "recovery_threshold"?: number | null;
          "repeat_interval"?: string;
          "runbook_url"?: string | null;
          "scope"?: string;
          "severity": string;
          "threshold": number;
          "updated_at"?: string;
        };
        Update: {
          "broken_reason"?: string | null;
          "broken_since"?: string | null;
          "created_at"?: string;
          "description"?: string;
          "entity_type"?: string;
          "error_type"?: string | null;
          "escalation_channels"?: NonNullable<Json>;
          "escalation_delay"?: string | null;
          "evaluation_window"?: string;
          "for_duration"?: string;
          "id"?: string;
          "is_active"?: boolean;
          "lowest_priority"?: string | null;
          "metric"?: string;
          "minimum_runs"?: number;
          "name"?: string;
          "no_data"?: string;
          "notification_channels"?: NonNullable<Json>;
          "objective_id"?: string | null;
          "recovery_threshold"?: number | null;
          "repeat_interval"?: string;
          "runbook_url"?: string | null;
          "scope"?: string;
          "severity"?: string;
          "threshold"?: number;
          "updated_at"?: string;
        };
        Relationships: [
          {
            foreignKeyName: "alert_rules_objective_id_fkey";
            columns: ["objective_id"];
            isOneToOne: false;
            referencedRelation: "sync_objectives";
            referencedColumns: ["id"];
          },
        ];
      };
      "alert_silences": {
        Row: {
          "created_at": string;
          "created_by": string;
          "ends_at": string;
          "entity_type": string | null;
          "id": string;
          "incident_id": string | null;
          "lasts": string | null;
          "reason": string;
          "recurs_every": string | null;
          "rule_id": string | null;
          "severity": string | null;
          "starts_at": string;
          "tournament_no": string | null;
        };
        ComputedFields: never;
        Insert: {
          "created_at"?: string;
          "created_by": string;
          "ends_at": string;
          "entity_type"?: string | null;
          "id"?: string;
          "incident_id"?: string | null;
          "lasts"?: string | null;
          "reason": string;
          "recurs_every"?: string | null;
          "rule_id"?: string | null;
          "severity"?: string | null;
          "starts_at"?: string;
          "tournament_no"?: string | null;
        };
        Update: {
          "created_at"?: string;
          "created_by"?: string;
          "ends_at"?: string;
          "entity_type"?: string | null;
          "id"?: string;
          "incident_id"?: string | null;
          "lasts"?: string | null;
          "reason"?: string;
          "recurs_every"?: string | null;
          "rule_id"?: string | null;
          "severity"?: string | null;
          "starts_at"?: string;
          "tournament_no"?: string | null;
        };
        Relationships: [
          {
            foreignKeyName: "alert_silences_incident_id_fkey";
            columns: ["incident_id"];
            isOneToOne: false;
            referencedRelation: "alert_incidents";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "alert_silences_rule_id_fkey";
            columns: ["rule_id"];
            isOneToOne: false;
            referencedRelation: "alert_rules";
            referencedColumns: ["id"];
          },
        ];
      };
      "audit_log": {
        Row: {
          "action": string;
          "actor": string;
          "actor_role": string;
          "address": string | null;
          "address_is_claimed": boolean;
          "after": Json | null;
          "at": string;
          "before": Json | null;
          "correlation_id": string | null;
          "id": number;
          "object_id": string;
          "object_type": string;
          "reason": string | null;
          "recorded_at": string;
          "request_id": string | null;
          "voucher": string | null;
        };
        ComputedFields: never;
        Insert: {
          "action": string;
          "actor": string;
          "actor_role": string;
          "address"?: string | null;
          "address_is_claimed"?: boolean;
          "after"?: Json | null;
          "at": string;
          "before"?: Json | null;
          "correlation_id"?: string | null;
          "id"?: never;
          "object_id": string;
          "object_type": string;
          "reason"?: string | null;
          "recorded_at"?: string;
          "request_id"?: string | null;
          "voucher"?: string | null;
        };
        Update: {
          "action"?: string;
          "actor"?: string;
          "actor_role"?: string;
          "address"?: string | null;
          "address_is_claimed"?: boolean;
          "after"?: Json | null;
          "at"?: string;
          "before"?: Json | null;
          "correlation_id"?: string | null;
          "id"?: never;
          "object_id"?: string;
          "object_type"?: string;
          "reason"?: string | null;
          "recorded_at"?: string;
          "request_id"?: string | null;
          "voucher"?: string | null;
        };
        Relationships: [];
      };
      "audit_seals": {
        Row: {
          "audit_id": number;
          "digest": string;
          "mac": string;
          "previous_id": number | null;
          "previous_mac": string;
          "sealed_at": string;
          "verdict": string;
        };
        ComputedFields: never;
        Insert: {
          "audit_id": number;
          "digest": string;
          "mac": string;
          "previous_id"?: number | null;
          "previous_mac": string;
          "sealed_at": string;
          "verdict": string;
        };
        Update: {
          "audit_id"?: number;
          "digest"?: string;
          "mac"?: string;
          "previous_id"?: number | null;
          "previous_mac"?: string;
          "sealed_at"?: string;
          "verdict"?: string;
        };
        Relationships: [];
      };
      "channel_canaries": {
        Row: {
          "channel": string;
          "confirmed_by": string | null;
          "error": string | null;
          "failed_at": string | null;
          "id": string;
          "incident_id": string | null;
          "opened_at": string;
          "proven_at": string | null;
          "stage": string;
          "stage_since": string;
        };
        ComputedFields: never;
        Insert: {
          "channel": string;
          "confirmed_by"?: string | null;
          "error"?: string | null;
          "failed_at"?: string | null;
          "id"?: string;
          "incident_id"?: string | null;
          "opened_at": string;
          "proven_at"?: string | null;
          "stage"?: string;
          "stage_since": string;
        };
        Update: {
          "channel"?: string;
          "confirmed_by"?: string | null;
          "error"?: string | null;
          "failed_at"?: string | null;
          "id"?: string;
          "incident_id"?: string | null;
          "opened_at"?: string;
          "proven_at"?: string | null;
          "stage"?: string;
          "stage_since"?: string;
        };
        Relationships: [
          {
            foreignKeyName: "channel_canaries_channel_fkey";
            columns: ["channel"];
            isOneToOne: false;
            referencedRelation: "notification_channels";
            referencedColumns: ["name"];
          },
          {
            foreignKeyName: "channel_canaries_incident_id_fkey";
            columns: ["incident_id"];
            isOneToOne: false;
            referencedRelation: "alert_incidents";
            referencedColumns: ["id"];
          },
        ];
      };
      "entity_pauses": {
        Row: {
          "entity_type": string;
          "id": number;
          "paused_at": string;
          "paused_by": string | null;
          "reason": string | null;
          "resumed_at": string | null;
        };
        ComputedFields: never;
        Insert: {
          "entity_type": string;
          "id"?: never;
          "paused_at": string;
          "paused_by"?: string | null;
          "reason"?: string | null;
          "resumed_at"?: string | null;
        };
        Update: {
          "entity_type"?: string;
          "id"?: never;
          "paused_at"?: string;
          "paused_by"?: string | null;
          "reason"?: string | null;
          "resumed_at"?: string | null;
        };
        Relationships: [
          {
            foreignKeyName: "entity_pauses_entity_type_fkey";
            columns: ["entity_type"];
            isOneToOne: false;
            referencedRelation: "sync_status";
            referencedColumns: ["entity_type"];
          },
        ];
      };
      "limit_settings": {
        Row: {
          "maximum": number;
          "subject": string;
        };
        ComputedFields: never;
        Insert: {
          "maximum": number;
          "subject": string;
        };
        Update: {
          "maximum"?: number;
          "subject"?: string;
        };
        Relationships: [];
      };
      "manual_sync_audit": {
        Row: {
          "actor": string | null;
          "completion_timestamp": string | null;
          "entity_type": string;
          "error_details": Json | null;
          "final_status": string | null;
          "id": string;
          "idempotency_key": string | null;
          "priority": string;
          "records_processed": number | null;
          "request_hash": string | null;
          "sync_job_id": string;
          "tournament_no": string | null;
          "trigger_reason": string;
          "trigger_timestamp": string;
          "triggered_by": string;
        };
        ComputedFields: never;
        Insert: {
          "actor"?: string | null;
          "completion_timestamp"?: string | null;
          "entity_type": string;
          "error_details"?: Json | null;
          "final_status"?: string | null;
          "id"?: string;
          "idempotency_key"?: string | null;
          "priority": string;
          "records_processed"?: number | null;
          "request_hash"?: string | null;
          "sync_job_id": string;
          "tournament_no"?: string | null;
          "trigger_reason": string;
          "trigger_timestamp"?: string;
          "triggered_by": string;
        };
        Update: {
          "actor"?: string | null;
          "completion_timestamp"?: string | null;
          "entity_type"?: string;
          "error_details"?: Json | null;
          "final_status"?: string | null;
          "id"?: string;
          "idempotency_key"?: string | null;
          "priority"?: string;
          "records_processed"?: number | null;
          "request_hash"?: string | null;
          "sync_job_id"?: string;
          "tournament_no"?: string | null;
          "trigger_reason"?: string;
          "trigger_timestamp"?: string;
          "triggered_by"?: string;
        };
        Relationships: [];
      };
      "matches": {
        Row: {
          "begin_date_time_utc": string | null;
          "court": string | null;
          "created_at": string;
          "duration_set1": number | null;
          "duration_set2": number | null;
          "duration_set3": number | null;
          "duration_set4": number | null;
          "duration_set5": number | null;
          "end_date_time_utc": string | null;
          "id": string;
          "last_synced": string;
          "local_date": string | null;
          "local_time": string | null;
          "match_points_a": number | null;
          "match_points_b": number | null;
          "no": string;
          "no_in_tournament": number | null;
          "no_referee1": string | null;
          "no_referee2": string | null;
          "points_team_a_set1": number | null;
          "points_team_a_set2": number | null;
          "points_team_a_set3": number | null;
          "points_team_a_set4": number | null;
          "points_team_a_set5": number | null;
          "points_team_b_set1": number | null;
          "points_team_b_set2": number | null;
          "points_team_b_set3": number | null;
          "points_team_b_set4": number | null;
          "points_team_b_set5": number | null;
          "referee1_federation_code": string | null;
          "referee1_name": string | null;
          "referee2_federation_code": string | null;
          "referee2_name": string | null;
          "result_type": number | null;
          "round": string | null;
          "round_code": string | null;
          "round_phase": number | null;
          "starts_at": string | null;
          "status": number | null;
          "team_a_federation_code": string | null;
          "team_a_name": string | null;
          "team_b_federation_code": string | null;
          "team_b_name": string | null;
          "tournament_no": string;
          "updated_at": string;
          "vanished_at": string | null;
          "version": number;
          "vis_version": number | null;
        };
        ComputedFields: never;
        Insert: {
          "begin_date_time_utc"?: string | null;
          "court"?: string | null;
          "created_at"?: string;
          "duration_set1"?: number | null;
          "duration_set2"?: number | null;
          "duration_set3"?: number | null;
          "duration_set4"?: number | null;
          "duration_set5"?: number | null;
          "end_date_time_utc"?: string | null;
          "id"?: string;
          "last_synced"?: string;
          "local_date"?: string | null;
          "local_time"?: string | null;
          "match_points_a"?: number | null;
          "match_points_b"?: number | null;
          "no": string;
          "no_in_tournament"?: number | null;
          "no_referee1"?: string | null;
          "no_referee2"?: string | null;
          "points_team_a_set1"?: number | null;
          "points_team_a_set2"?: number | null;
          "points_team_a_set3"?: number | null;
          "points_team_a_set4"?: number | null;
          "points_team_a_set5"?: number | null;
          "points_team_b_set1"?: number | null;
          "points_team_b_set2"?: number | null;
          "points_team_b_set3"?: number | null;
          "points_team_b_set4"?: number | null;
          "points_team_b_set5"?: number | null;
          "referee1_federation_code"?: string | null;
          "referee1_name"?: string | null;
          "referee2_federation_code"?: string | null;
          "referee2_name"?: string | null;
          "result_type"?: number | null;
          "round"?: string | null;
          "round_code"?: string | null;
          "round_phase"?: number | null;
          "starts_at"?: string | null;
          "status"?: number | null;
          "team_a_federation_code"?: string | null;
          "team_a_name"?: string | null;
          "team_b_federation_code"?: string | null;
          "team_b_name"?: string | null;
          "tournament_no": string;
          "updated_at"?: string;
          "vanished_at"?: string | null;
          "version"?: number;
          "vis_version"?: number | null;
        };
        Update: {
          "begin_date_time_utc"?: string | null;
          "court"?: string | null;
          "created_at"?: string;
          "duration_set1"?: number | null;
          "duration_set2"?: number | null;
          "duration_set3"?: number | null;
          "duration_set4"?: number | null;
          "duration_set5"?: number | null;
          "end_date_time_utc"?: string | null;
          "id"?: string;
          "last_synced"?: string;
          "local_date"?: string | null;
          "local_time"?: string | null;
          "match_points_a"?: number | null;
          "match_points_b"?: number | null;
          "no"?: string;
          "no_in_tournament"?: number | null;
          "no_referee1"?: string | null;
          "no_referee2"?: string | null;
          "points_team_a_set1"?: number | null;
          "points_team_a_set2"?: number | null;
          "points_team_a_set3"?: number | null;
          "points_team_a_set4"?: number | null;
          "points_team_a_set5"?: number | null;
          "points_team_b_set1"?: number | null;
          "points_team_b_set2"?: number | null;
          "points_team_b_set3"?: number | null;
          "points_team_b_set4"?: number | null;
          "points_team_b_set5"?: number | null;
          "referee1_federation_code"?: string | null;
          "referee1_name"?: string | null;
          "referee2_federation_code"?: string | null;
          "referee2_name"?: string | null;
          "result_type"?: number | null;
          "round"?: string | null;
          "round_code"?: string | null;
          "round_phase"?: number | null;
          "starts_at"?: string | null;
          "status"?: number | null;
          "team_a_federation_code"?: string | null;
          "team_a_name"?: string | null;
          "team_b_federation_code"?: string | null;
          "team_b_name"?: string | null;
          "tournament_no"?: string;
          "updated_at"?: string;
          "vanished_at"?: string | null;
          "version"?: number;
          "vis_version"?: number | null;
        };
        Relationships: [
          {
            foreignKeyName: "matches_tournament_no_fkey";
            columns: ["tournament_no"];
            isOneToOne: false;
            referencedRelation: "tournaments";
            referencedColumns: ["no"];
          },
        ];
      };
      "notification_channels": {
        Row: {
          "canary_every": string | null;
          "config": NonNullable<Json>;
          "created_at": string;
          "group_window": string;
          "hourly_limit": number;
          "is_active": boolean;
          "kind": string;
          "name": string;
          "previous_secret": string | null;
          "previous_secret_until": string | null;
          "secret": string | null;
          "updated_at": string;
          "vault_id": string | null;
          "weekly_report": boolean;
        };
        ComputedFields: never;
        Insert: {
          "canary_every"?: string | null;
          "config"?: NonNullable<Json>;
          "created_at"?: string;
          "group_window"?: string;
          "hourly_limit"?: number;
          "is_active"?: boolean;
          "kind": string;
          "name": string;
          "previous_secret"?: string | null;
          "previous_secret_until"?: string | null;
          "secret"?: string | null;
          "updated_at"?: string;
          "vault_id"?: string | null;
          "weekly_report"?: boolean;
        };
        Update: {
          "canary_every"?: string | null;
          "config"?: NonNullable<Json>;
          "created_at"?: string;
          "group_window"?: string;
          "hourly_limit"?: number;
          "is_active"?: boolean;
          "kind"?: string;
          "name"?: string;
          "previous_secret"?: string | null;
          "previous_secret_until"?: string | null;
          "secret"?: string | null;
          "updated_at"?: string;
          "vault_id"?: string | null;
          "weekly_report"?: boolean;
        };
        Relationships: [];
      };
      "notification_destinations": {
        Row: {
          "channel": string;
          "failures": number;
          "id": number;
          "last_error": string | null;
          "last_sent_at": string | null;
          "proven_at": string | null;
          "recipient": string;
          "retry_at": string | null;
        };
        ComputedFields: never;
        Insert: {
          "channel": string;
          "failures"?: number;
          "id"?: never;
          "last_error"?: string | null;
          "last_sent_at"?: string | null;
          "proven_at"?: string | null;
          "recipient"?: string;
          "retry_at"?: string | null;
        };
        Update: {
          "channel"?: string;
          "failures"?: number;
          "id"?: never;
          "last_error"?: string | null;
          "last_sent_at"?: string | null;
          "proven_at"?: string | null;
          "recipient"?: string;
          "retry_at"?: string | null;
        };
        Relationships: [
          {
            foreignKeyName: "notification_destinations_channel_fkey";
            columns: ["channel"];
            isOneToOne: false;
            referencedRelation: "notification_channels";
            referencedColumns: ["name"];
          },
        ];
      };
      "request_states": {
        Row: {
          "confirmed_at": string | null;
          "contradicted_at": string | null;
          "digest": Json | null;
          "entity_type": string;
          "execution_id": string | null;
          "held_at": string | null;
          "look_at": string | null;
          "request": string;
          "tournament_no": string | null;
          "warning": string | null;
        };
        ComputedFields: never;
        Insert: {
          "confirmed_at"?: string | null;
          "contradicted_at"?: string | null;
          "digest"?: Json | null;
          "entity_type": string;
          "execution_id"?: string | null;
          "held_at"?: string | null;
          "look_at"?: string | null;
          "request": string;
          "tournament_no"?: string | null;
          "warning"?: string | null;
        };
        Update: {
          "confirmed_at"?: string | null;
          "contradicted_at"?: string | null;
          "digest"?: Json | null;
          "entity_type"?: string;
          "execution_id"?: string | null;
          "held_at"?: string | null;
          "look_at"?: string | null;
          "request"?: string;
          "tournament_no"?: string | null;
          "warning"?: string | null;
        };
        Relationships: [
          {
            foreignKeyName: "request_states_entity_type_fkey";
            columns: ["entity_type"];
            isOneToOne: false;
            referencedRelation: "sync_status";
            referencedColumns: ["entity_type"];
          },
          {
            foreignKeyName: "request_states_tournament_no_fkey";
            columns: ["tournament_no"];
            isOneToOne: false;
            referencedRelation: "tournaments";
            referencedColumns: ["no"];
          },
        ];
      };
      "retention_settings": {
        Row: {
          "keep": string;
          "subject": string;
        };
        ComputedFields: never;
        Insert: {
          "keep": string;
          "subject": string;
        };
        Update: {
          "keep"?: string;
          "subject"?: string;
        };
        Relationships: [];
      };
      "sync_error_log": {
        Row: {
          "entity_type": string;
          "error_code": string;
          "error_context": Json | null;
          "error_message": string;
          "error_severity": string;
          "error_type": string;
          "fingerprint": string;
          "id": string;
          "occurred_at": string;
          "recovery_suggestion": string | null;
          "resolution_notes": string | null;
          "resolved_at": string | null;
          "retryable": boolean;
          "sync_execution_id": string | null;
          "tournament_no": string | null;
        };
        ComputedFields: never;
        Insert: {
          "entity_type": string;
          "error_code": string;
          "error_context"?: Json | null;
          "error_message": string;
          "error_severity": string;
          "error_type": string;
          "fingerprint": string;
          "id"?: string;
          "occurred_at"?: string;
          "recovery_suggestion"?: string | null;
          "resolution_notes"?: string | null;
          "resolved_at"?: string | null;
          "retryable": boolean;
          "sync_execution_id"?: string | null;
          "tournament_no"?: string | null;
        };
        Update: {
          "entity_type"?: string;
          "error_code"?: string;
          "error_context"?: Json | null;
          "error_message"?: string;
          "error_severity"?: string;
          "error_type"?: string;
          "fingerprint"?: string;
          "id"?: string;
          "occurred_at"?: string;
          "recovery_suggestion"?: string | null;
          "resolution_notes"?: string | null;
          "resolved_at"?: string | null;
          "retryable"?: boolean;
          "sync_execution_id"?: string | null;
          "tournament_no"?: string | null;
        };
        Relationships: [
          {
            foreignKeyName: "sync_error_log_sync_execution_id_fkey";
            columns: ["sync_execution_id"];
            isOneToOne: false;
            referencedRelation: "sync_execution_history";
            referencedColumns: ["id"];
          },
        ];
      };
      "sync_execution_history": {
        Row: {
          "api_bytes": number;
          "api_bytes_saved": number;
          "api_calls": number;
          "api_errors": number;
          "api_fallbacks": number;
          "api_full_reads": number;
          "api_response_ms_max": number | null;
          "api_response_ms_total": number;
          "api_retries": number;
          "api_unchanged_replies": number;
          "api_xml_replies": number;
          "attempt": number | null;
          "cache_hits": number;
          "cache_misses": number;
          "cancel_requested_at": string | null;
          "correlation_id": string | null;
          "cpu_ms": number | null;
          "created_at": string;
          "current_stage": string | null;
          "database_calls": number;
          "database_connections_peak": number | null;
          "deadline": string | null;
          "due_at": string | null;
          "duration": string | null;
          "entity_type": string;
          "error_count": number;
          "error_details": Json | null;
          "execution_end": string | null;
          "execution_start": string;
          "heartbeat_at": string | null;
          "id": string;
          "lease_expires_at": string | null;
          "left_out": NonNullable<Json>;
          "memory_usage_mb": number | null;
          "records_inserted": number;
          "records_processed": number | null;
          "records_read": number;
          "records_rejected": number;
          "records_removed": number;
          "records_unchanged": number;
          "records_updated": number;
          "status": string;
          "status_reason": string | null;
          "success": boolean | null;
          "success_weight": number | null;
          "sync_job_id": string | null;
          "tournament_no": string | null;
          "tournaments_failed": number;
          "tournaments_processed": number;
          "tournaments_total": number | null;
          "trigger": string;
          "was_cut": boolean;
        };
        ComputedFields: never;
        Insert: {
          "api_bytes"?: number;
          "api_bytes_saved"?: number;
          "api_calls"?: number;
          "api_errors"?: number;
          "api_fallbacks"?: number;
          "api_full_reads"?: number;
          "api_response_ms_max"?: number | null;
          "api_response_ms_total"?: number;
          "api_retries"?: number;
          "api_unchanged_replies"?: number;
          "api_xml_replies"?: number;
          "attempt"?: number | null;
          "cache_hits"?: number;
          "cache_misses"?: number;
          "cancel_requested_at"?: string | null;
          "correlation_id"?: string | null;
          "cpu_ms"?: number | null;
          "created_at"?: string;
          "current_stage"?: string | null;
          "database_calls"?: number;
          "database_connections_peak"?: number | null;
          "deadline"?: string | null;
          "due_at"?: string | null;
          "duration"?: never;
          "entity_type": string;
          "error_count"?: number;
          "error_details"?: Json | null;
          "execution_end"?: string | null;
          "execution_start": string;
          "heartbeat_at"?: string | null;
          "id"?: string;
          "lease_expires_at"?: string | null;
          "left_out"?: NonNullable<Json>;
          "memory_usage_mb"?: number | null;
          "records_inserted"?: number;
          "records_processed"?: never;
          "records_read"?: number;
          "records_rejected"?: number;
          "records_removed"?: number;
          "records_unchanged"?: number;
          "records_updated"?: number;
          "status"?: string;
          "status_reason"?: string | null;
          "success"?: never;
          "success_weight"?: never;
          "sync_job_id"?: string | null;
          "tournament_no"?: string | null;
          "tournaments_failed"?: number;
          "tournaments_processed"?: number;
          "tournaments_total"?: number | null;
          "trigger": string;
          "was_cut"?: boolean;
        };
        Update: {
          "api_bytes"?: number;
          "api_bytes_saved"?: number;
          "api_calls"?: number;
          "api_errors"?: number;
          "api_fallbacks"?: number;
          "api_full_reads"?: number;
          "api_response_ms_max"?: number | null;
          "api_response_ms_total"?: number;
          "api_retries"?: number;
          "api_unchanged_replies"?: number;
          "api_xml_replies"?: number;
          "attempt"?: number | null;
          "cache_hits"?: number;
          "cache_misses"?: number;
          "cancel_requested_at"?: string | null;
          "correlation_id"?: string | null;
          "cpu_ms"?: number | null;
          "created_at"?: string;
          "current_stage"?: string | null;
          "database_calls"?: number;
          "database_connections_peak"?: number | null;
          "deadline"?: string | null;
          "due_at"?: string | null;
          "duration"?: never;
          "entity_type"?: string;
          "error_count"?: number;
          "error_details"?: Json | null;
          "execution_end"?: string | null;
          "execution_start"?: string;
          "heartbeat_at"?: string | null;
          "id"?: string;
          "lease_expires_at"?: string | null;
          "left_out"?: NonNullable<Json>;
          "memory_usage_mb"?: number | null;
          "records_inserted"?: number;
          "records_processed"?: never;
          "records_read"?: number;
          "records_rejected"?: number;
          "records_removed"?: number;
          "records_unchanged"?: number;
          "records_updated"?: number;
          "status"?: string;
          "status_reason"?: string | null;
          "success"?: never;
          "success_weight"?: never;
          "sync_job_id"?: string | null;
          "tournament_no"?: string | null;
          "tournaments_failed"?: number;
          "tournaments_processed"?: number;
          "tournaments_total"?: number | null;
          "trigger"?: string;
          "was_cut"?: boolean;
        };
        Relationships: [
          {
            foreignKeyName: "sync_execution_history_entity_type_fkey";
            columns: ["entity_type"];
            isOneToOne: false;
            referencedRelation: "sync_status";
            referencedColumns: ["entity_type"];
          },
        ];
      };
      "sync_indicators": {
        Row: {
          "bad_events": number;
          "bucket": string;
          "causes": NonNullable<Json>;
          "entity_type": string;
          "events": number;
          "indicator": string;
        };
        ComputedFields: never;
        Insert: {
          "bad_events": number;
          "bucket": string;
          "causes"?: NonNullable<Json>;
          "entity_type": string;
          "events": number;
          "indicator": string;
        };
        Update: {
          "bad_events"?: number;
          "bucket"?: string;
          "causes"?: NonNullable<Json>;
          "entity_type"?: string;
          "events"?: number;
          "indicator"?: string;
        };
        Relationships: [];
      };
      "sync_job_attempts": {
        Row: {
          "claimed_at": string;
          "ended_at": string;
          "error": string | null;
          "execution_id": string | null;
          "job_id": string;
          "outcome": string;
          "token": string;
        };
        ComputedFields: never;
        Insert: {
          "claimed_at": string;
          "ended_at": string;
          "error"?: string | null;
          "execution_id"?: string | null;
          "job_id": string;
          "outcome": string;
          "token": string;
        };
        Update: {
          "claimed_at"?: string;
          "ended_at"?: string;
          "error"?: string | null;
          "execution_id"?: string | null;
          "job_id"?: string;
          "outcome"?: string;
          "token"?: string;
        };
        Relationships: [
          {
            foreignKeyName: "sync_job_attempts_job_id_fkey";
            columns: ["job_id"];
            isOneToOne: false;
            referencedRelation: "sync_jobs";
            referencedColumns: ["id"];
          },
        ];
      };
      "sync_jobs": {
        Row: {
          "attempts": number;
          "cancel_requested_at": string | null;
          "cancelled_by": string | null;
          "claimed_at": string | null;
          "confirm_removal": boolean;
          "enqueued_at": string;
          "entity_type": string;
          "execution_id": string | null;
          "expires_at": string | null;
          "final_status": string | null;
          "finished_at": string | null;
          "id": string;
          "last_error": string | null;
          "lease_expires_at": string | null;
          "max_attempts": number;
          "not_before": string;
          "priority": string;
          "rank": string;
          "reason": string;
          "records_processed": number | null;
          "retried_from": string | null;
          "started_at": string | null;
          "status": string;
          "target": string;
          "token": string | null;
          "tournament_no": string | null;
          "tournament_nos": Json | null;
          "triggered_by": string;
        };
        ComputedFields: never;
        Insert: {
          "attempts"?: number;
          "cancel_requested_at"?: string | null;
          "cancelled_by"?: string | null;
          "claimed_at"?: string | null;
          "confirm_removal"?: boolean;
          "enqueued_at": string;
          "entity_type": string;
          "execution_id"?: string | null;
          "expires_at"?: string | null;
          "final_status"?: string | null;
          "finished_at"?: string | null;
          "id"?: string;
          "last_error"?: string | null;
          "lease_expires_at"?: string | null;
          "max_attempts": number;
          "not_before": string;
          "priority": string;
          "rank": string;
          "reason": string;
          "records_processed"?: number | null;
          "retried_from"?: string | null;
          "started_at"?: string | null;
          "status"?: string;
          "target"?: never;
          "token"?: string | null;
          "tournament_no"?: string | null;
          "tournament_nos"?: Json | null;
          "triggered_by": string;
        };
        Update: {
          "attempts"?: number;
          "cancel_requested_at"?: string | null;
          "cancelled_by"?: string | null;
          "claimed_at"?: string | null;
          "confirm_removal"?: boolean;
          "enqueued_at"?: string;
          "entity_type"?: string;
          "execution_id"?: string | null;
          "expires_at"?: string | null;
          "final_status"?: string | null;
          "finished_at"?: string | null;
          "id"?: string;
          "last_error"?: string | null;
          "lease_expires_at"?: string | null;
          "max_attempts"?: number;
          "not_before"?: string;
          "priority"?: string;
          "rank"?: string;
          "reason"?: string;
          "records_processed"?: number | null;
          "retried_from"?: string | null;
          "started_at"?: string | null;
          "status"?: string;
          "target"?: never;
          "token"?: string | null;
          "tournament_no"?: string | null;
          "tournament_nos"?: Json | null;
          "triggered_by"?: string;
        };
        Relationships: [
          {
            foreignKeyName: "sync_jobs_entity_type_fkey";
            columns: ["entity_type"];
            isOneToOne: false;
            referencedRelation: "sync_status";
            referencedColumns: ["entity_type"];
          },
          {
            foreignKeyName: "sync_jobs_retried_from_fkey";
            columns: ["retried_from"];
            isOneToOne: false;
            referencedRelation: "sync_jobs";
            referencedColumns: ["id"];
          },
        ];
      };
      "sync_metrics": {
        Row: {
          "api_bytes": number;
          "api_bytes_saved": number;
          "api_calls": number;
          "api_errors": number;
          "api_fallbacks": number;
          "api_full_reads": number;
          "api_response_ms_total": number;
          "api_retries": number;
          "api_unchanged_replies": number;
          "api_xml_replies": number;
          "bucket": string;
          "cache_hits": number;
          "cache_misses": number;
          "counted_runs": number;
          "database_calls": number;
          "duration_ms_total": number;
          "durations": (number)[];
          "entity_type": string;
          "errors": number;
          "memory_usage_mb_peak": number | null;
          "p50_ms": number | null;
          "p95_ms": number | null;
          "p99_ms": number | null;
          "records_processed": number;
          "records_read": number;
          "records_rejected": number;
          "resolution": string;
          "run_ms_total": number;
          "runs_cancelled": number;
          "runs_cron": number;
          "runs_failed": number;
          "runs_manual": number;
          "runs_partial": number;
          "runs_retry": number;
          "runs_skipped": number;
          "runs_succeeded": number;
          "runs_timed_out": number;
          "success_weight": number;
        };
        ComputedFields: never;
        Insert: {
          "api_bytes"?: number;
          "api_bytes_saved"?: number;
          "api_calls"?: number;
          "api_errors"?: number;
          "api_fallbacks"?: number;
          "api_full_reads"?: number;
          "api_response_ms_total"?: number;
          "api_retries"?: number;
          "api_unchanged_replies"?: number;
          "api_xml_replies"?: number;
          "bucket": string;
          "cache_hits"?: number;
          "cache_misses"?: number;
          "counted_runs"?: number;
          "database_calls"?: number;
          "duration_ms_total"?: number;
          "durations"?: (number)[];
          "entity_type": string;
          "errors"?: number;
          "memory_usage_mb_peak"?: number | null;
          "p50_ms"?: never;
          "p95_ms"?: never;
          "p99_ms"?: never;
          "records_processed"?: number;
          "records_read"?: number;
          "records_rejected"?: number;
          "resolution": string;
          "run_ms_total"?: number;
          "runs_cancelled"?: number;
          "runs_cron"?: number;
          "runs_failed"?: number;
          "runs_manual"?: number;
          "runs_partial"?: number;
          "runs_retry"?: number;
          "runs_skipped"?: number;
          "runs_succeeded"?: number;
          "runs_timed_out"?: number;
          "success_weight"?: number;
        };
        Update: {
          "api_bytes"?: number;
          "api_bytes_saved"?: number;
          "api_calls"?: number;
          "api_errors"?: number;
          "api_fallbacks"?: number;
          "api_full_reads"?: number;
          "api_response_ms_total"?: number;
          "api_retries"?: number;
          "api_unchanged_replies"?: number;
          "api_xml_replies"?: number;
          "bucket"?: string;
          "cache_hits"?: number;
          "cache_misses"?: number;
          "counted_runs"?: number;
          "database_calls"?: number;
          "duration_ms_total"?: number;
          "durations"?: (number)[];
          "entity_type"?: string;
          "errors"?: number;
          "memory_usage_mb_peak"?: number | null;
          "p50_ms"?: never;
          "p95_ms"?: never;
          "p99_ms"?: never;
          "records_processed"?: number;
          "records_read"?: number;
          "records_rejected"?: number;
          "resolution"?: string;
          "run_ms_total"?: number;
          "runs_cancelled"?: number;
          "runs_cron"?: number;
          "runs_failed"?: number;
          "runs_manual"?: number;
          "runs_partial"?: number;
          "runs_retry"?: number;
          "runs_skipped"?: number;
          "runs_succeeded"?: number;
          "runs_timed_out"?: number;
          "success_weight"?: number;
        };
        Relationships: [
          {
            foreignKeyName: "sync_metrics_entity_type_fkey";
            columns: ["entity_type"];
            isOneToOne: false;
            referencedRelation: "sync_status";
            referencedColumns: ["entity_type"];
          },
        ];
      };
      "sync_objectives": {
        Row: {
          "created_at": string;
          "description": string;
          "entity_type": string;
          "id": string;
          "indicator": string;
          "name": string;
          "owner": string;
          "rolling_window": string;
          "target": number;
          "updated_at": string;
        };
        ComputedFields: never;
        Insert: {
          "created_at"?: string;
          "description"?: string;
          "entity_type": string;
          "id"?: string;
          "indicator": string;
          "name": string;
          "owner"?: string;
          "rolling_window"?: string;
          "target": number;
          "updated_at"?: string;
        };
        Update: {
          "created_at"?: string;
          "description"?: string;
          "entity_type"?: string;
          "id"?: string;
          "indicator"?: string;
          "name"?: string;
          "owner"?: string;
          "rolling_window"?: string;
          "target"?: number;
          "updated_at"?: string;
        };
        Relationships: [];
      };
      "sync_queue_settings": {
        Row: {
          "emergency_slots": number;
          "high_after": string;
          "id": boolean;
          "max_attempts": number;
          "normal_after": string;
          "slots": number;
          "slots_per_entity": number;
          "triggers_per_minute": number;
        };
        ComputedFields: never;
        Insert: {
          "emergency_slots"?: number;
          "high_after"?: string;
          "id"?: boolean;
          "max_attempts"?: number;
          "normal_after"?: string;
          "slots"?: number;
          "slots_per_entity"?: number;
          "triggers_per_minute"?: number;
        };
        Update: {
          "emergency_slots"?: number;
          "high_after"?: string;
          "id"?: boolean;
          "max_attempts"?: number;
          "normal_after"?: string;
          "slots"?: number;
          "slots_per_entity"?: number;
          "triggers_per_minute"?: number;
        };
        Relationships: [];
      };
      "sync_status": {
        Row: {
          "alert_threshold_failures": number | null;
          "average_duration": string | null;
          "consecutive_failures": number;
          "created_at": string;
          "depends_on": string | null;
          "dispatch_attempt": number | null;
          "dispatched_at": string | null;
          "dispatched_due_at": string | null;
          "entity_type": string;
          "error_count": number;
          "function_name": string | null;
          "grace": string;
          "idle_since": string | null;
          "is_active": boolean;
          "last_attempt": string | null;
          "last_duration": string | null;
          "last_error": string | null;
          "last_error_time": string | null;
          "last_memory_usage": number | null;
          "last_sync": string | null;
          "leases_tournaments": boolean;
          "max_runtime": string;
          "next_sync": string | null;
          "notification_channels": Json | null;
          "paused_at": string | null;
          "paused_by": string | null;
          "paused_reason": string | null;
          "records_processed_last": number | null;
          "records_processed_total": number;
          "runs_during_play": boolean;
          "schedule_anchor": string;
          "schedule_changed_at": string | null;
          "success_count": number;
          "sync_frequency": string;
          "title": string;
          "updated_at": string;
        };
        ComputedFields: never;
        Insert: {
          "alert_threshold_failures"?: number | null;
          "average_duration"?: string | null;
          "consecutive_failures"?: number;
          "created_at"?: string;
          "depends_on"?: string | null;
          "dispatch_attempt"?: number | null;
          "dispatched_at"?: string | null;
          "dispatched_due_at"?: string | null;
          "entity_type": string;
          "error_count"?: number;
          "function_name"?: string | null;
          "grace": string;
          "idle_since"?: string | null;
          "is_active"?: boolean;
          "last_attempt"?: string | null;
          "last_duration"?: string | null;
          "last_error"?: string | null;
          "last_error_time"?: string | null;
          "last_memory_usage"?: number | null;
          "last_sync"?: string | null;
          "leases_tournaments"?: boolean;
          "max_runtime": string;
          "next_sync"?: string | null;
          "notification_channels"?: Json | null;
          "paused_at"?: string | null;
          "paused_by"?: string | null;
          "paused_reason"?: string | null;
          "records_processed_last"?: number | null;
          "records_processed_total"?: number;
          "runs_during_play"?: boolean;
          "schedule_anchor"?: string;
          "schedule_changed_at"?: string | null;
          "success_count"?: number;
          "sync_frequency": string;
          "title": string;
          "updated_at"?: string;
        };
        Update: {
          "alert_threshold_failures"?: number | null;
          "average_duration"?: string | null;
          "consecutive_failures"?: number;
          "created_at"?: string;
          "depends_on"?: string | null;
          "dispatch_attempt"?: number | null;
          "dispatched_at"?: string | null;
          "dispatched_due_at"?: string | null;
          "entity_type"?: string;
          "error_count"?: number;
          "function_name"?: string | null;
          "grace"?: string;
          "idle_since"?: string | null;
          "is_active"?: boolean;
          "last_attempt"?: string | null;
          "last_duration"?: string | null;
          "last_error"?: string | null;
          "last_error_time"?: string | null;
          "last_memory_usage"?: number | null;
          "last_sync"?: string | null;
          "leases_tournaments"?: boolean;
          "max_runtime"?: string;
          "next_sync"?: string | null;
          "notification_channels"?: Json | null;
          "paused_at"?: string | null;
          "paused_by"?: string | null;
          "paused_reason"?: string | null;
          "records_processed_last"?: number | null;
          "records_processed_total"?: number;
          "runs_during_play"?: boolean;
          "schedule_anchor"?: string;
          "schedule_changed_at"?: string | null;
          "success_count"?: number;
          "sync_frequency"?: string;
          "title"?: string;
          "updated_at"?: string;
        };
        Relationships: [
          {
            foreignKeyName: "sync_status_depends_on_fkey";
            columns: ["depends_on"];
            isOneToOne: false;
            referencedRelation: "sync_status";
            referencedColumns: ["entity_type"];
          },
        ];
      };
      "sync_tournament_results": {
        Row: {
          "attempts": NonNullable<Json>;
          "created_at": string;
          "entity_type": string;
          "error_fingerprint": string | null;
          "error_message": string | null;
          "error_type": string | null;
          "id": string;
          "processing_duration": string | null;
          "records_processed": number | null;
          "reply_bytes": number | null;
          "retry_attempt": number;
          "started_at": string | null;
          "success": boolean;
          "sync_execution_id": string;
          "tournament_no": string;
          "ttl": string | null;
          "warning_code": string | null;
        };
        ComputedFields: never;
        Insert: {
          "attempts"?: NonNullable<Json>;
          "created_at"?: string;
          "entity_type": string;
          "error_fingerprint"?: string | null;
          "error_message"?: string | null;
          "error_type"?: string | null;
          "id"?: string;
          "processing_duration"?: string | null;
          "records_processed"?: number | null;
          "reply_bytes"?: number | null;
          "retry_attempt"?: number;
          "started_at"?: string | null;
          "success": boolean;
          "sync_execution_id": string;
          "tournament_no": string;
          "ttl"?: string | null;
          "warning_code"?: string | null;
        };
        Update: {
          "attempts"?: NonNullable<Json>;
          "created_at"?: string;
          "entity_type"?: string;
          "error_fingerprint"?: string | null;
          "error_message"?: string | null;
          "error_type"?: string | null;
          "id"?: string;
          "processing_duration"?: string | null;
          "records_processed"?: number | null;
          "reply_bytes"?: number | null;
          "retry_attempt"?: number;
          "started_at"?: string | null;
          "success"?: boolean;
          "sync_execution_id"?: string;
          "tournament_no"?: string;
          "ttl"?: string | null;
          "warning_code"?: string | null;
        };
        Relationships: [
          {
            foreignKeyName: "sync_tournament_results_sync_execution_id_fkey";
            columns: ["sync_execution_id"];
            isOneToOne: false;
            referencedRelation: "sync_execution_history";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "sync_tournament_results_tournament_no_fkey";
            columns: ["tournament_no"];
            isOneToOne: false;
            referencedRelation: "tournaments";
            referencedColumns: ["no"];
          },
        ];
      };
      "tournament_sync_state": {
        Row: {
          "average_duration": string | null;
          "failing_streak": number;
          "full_read_at": string | null;
          "last_error": string | null;
          "last_error_type": string | null;
          "last_result_at": string | null;
          "last_success_at": string | null;
          "lease_expires_at": string | null;
          "lease_holder": string | null;
          "live_count": number;
          "match_count": number;
          "reply_bytes": number | null;
          "synced_at": string | null;
          "tournament_no": string;
          "ttl": string | null;
          "version_missed_at": string | null;
          "vis_version": number | null;
        };
        ComputedFields: never;
        Insert: {
          "average_duration"?: string | null;
          "failing_streak"?: number;
          "full_read_at"?: string | null;
          "last_error"?: string | null;
          "last_error_type"?: string | null;
          "last_result_at"?: string | null;
          "last_success_at"?: string | null;
          "lease_expires_at"?: string | null;
          "lease_holder"?: string | null;
          "live_count"?: number;
          "match_count"?: number;
          "reply_bytes"?: number | null;
          "synced_at"?: string | null;
          "tournament_no": string;
          "ttl"?: string | null;
          "version_missed_at"?: string | null;
          "vis_version"?: number | null;
        };
        Update: {
          "average_duration"?: string | null;
          "failing_streak"?: number;
          "full_read_at"?: string | null;
          "last_error"?: string | null;
          "last_error_type"?: string | null;
          "last_result_at"?: string | null;
          "last_success_at"?: string | null;
          "lease_expires_at"?: string | null;
          "lease_holder"?: string | null;
          "live_count"?: number;
          "match_count"?: number;
          "reply_bytes"?: number | null;
          "synced_at"?: string | null;
          "tournament_no"?: string;
          "ttl"?: string | null;
          "version_missed_at"?: string | null;
          "vis_version"?: number | null;
        };
        Relationships: [
          {
            foreignKeyName: "tournament_sync_state_tournament_no_fkey";
            columns: ["tournament_no"];
            isOneToOne: true;
            referencedRelation: "tournaments";
            referencedColumns: ["no"];
          },
        ];
      };
      "tournaments": {
        Row: {
          "city": string | null;
          "code": string | null;
          "country_code": string | null;
          "country_name": string | null;
          "created_at": string;
          "end_date": string | null;
          "gender": number | null;
          "id": string;
          "last_synced": string;
          "location": string | null;
          "name": string;
          "no": string;
          "no_event": string | null;
          "season": string | null;
          "start_date": string | null;
          "start_date_main_draw": string | null;
          "start_date_qualification": string | null;
          "status": number | null;
          "title": string | null;
          "type": number | null;
          "updated_at": string;
          "vanished_at": string | null;
          "venue": string | null;
          "version": number;
          "vis_version": number | null;
        };
        ComputedFields: never;
        Insert: {
          "city"?: string | null;
          "code"?: string | null;
          "country_code"?: string | null;
          "country_name"?: string | null;
          "created_at"?: string;
          "end_date"?: string | null;
          "gender"?: number | null;
          "id"?: string;
          "last_synced"?: string;
          "location"?: string | null;
          "name": string;
          "no": string;
          "no_event"?: string | null;
          "season"?: string | null;
          "start_date"?: string | null;
          "start_date_main_draw"?: string | null;
          "start_date_qualification"?: string | null;
          "status"?: number | null;
          "title"?: string | null;
          "type"?: number | null;
          "updated_at"?: string;
          "vanished_at"?: string | null;
          "venue"?: string | null;
          "version"?: number;
          "vis_version"?: number | null;
        };
        Update: {
          "city"?: string | null;
          "code"?: string | null;
          "country_code"?: string | null;
          "country_name"?: string | null;
          "created_at"?: string;
          "end_date"?: string | null;
          "gender"?: number | null;
          "id"?: string;
          "last_synced"?: string;
          "location"?: string | null;
          "name"?: string;
          "no"?: string;
          "no_event"?: string | null;
          "season"?: string | null;
          "start_date"?: string | null;
          "start_date_main_draw"?: string | null;
          "start_date_qualification"?: string | null;
          "status"?: number | null;
          "title"?: string | null;
          "type"?: number | null;
          "updated_at"?: string;
          "vanished_at"?: string | null;
          "venue"?: string | null;
          "version"?: number;
          "vis_version"?: number | null;
        };
        Relationships: [];
      };
      "upstream_slots": {
        Row: {
          "expires_at": string | null;
          "slot": number;
          "token": string | null;
          "upstream": string;
        };
        ComputedFields: never;
        Insert: {
          "expires_at"?: string | null;
          "slot": number;
          "token"?: string | null;
          "upstream": string;
        };
        Update: {
          "expires_at"?: string | null;
          "slot"?: number;
          "token"?: string | null;
          "upstream"?: string;
        };
        Relationships: [
          {
            foreignKeyName: "upstream_slots_upstream_fkey";
            columns: ["upstream"];
            isOneToOne: false;
            referencedRelation: "upstream_state";
            referencedColumns: ["upstream"];
          },
        ];
      };
      "upstream_state": {
        Row: {
          "backoff_fingerprint": string | null;
          "backoff_for": string;
          "backoff_reason": string | null;
          "backoff_until": string | null;
          "baseline_response_ms": number | null;
          "in_flight_limit": number;
          "updated_at": string;
          "upstream": string;
        };
        ComputedFields: never;
        Insert: {
          "backoff_fingerprint"?: string | null;
          "backoff_for"?: string;
          "backoff_reason"?: string | null;
          "backoff_until"?: string | null;
          "baseline_response_ms"?: number | null;
          "in_flight_limit": number;
          "updated_at"?: string;
          "upstream": string;
        };
        Update: {
          "backoff_fingerprint"?: string | null;
          "backoff_for"?: string;
          "backoff_reason"?: string | null;
          "backoff_until"?: string | null;
          "baseline_response_ms"?: number | null;
          "in_flight_limit"?: number;
          "updated_at"?: string;
          "upstream"?: string;
        };
        Relationships: [];
      };
      "weekly_report_deliveries": {
        Row: {
          "attempts": number;
          "destination_id": number;
          "id": string;
          "is_perhaps_received": boolean;
          "last_error": string | null;
          "lease_expires_at": string | null;
          "sent_at": string | null;
          "status": string;
          "token": string | null;
          "week": string;
        };
        ComputedFields: never;
        Insert: {
          "attempts"?: number;
          "destination_id": number;
          "id"?: string;
          "is_perhaps_received"?: boolean;
          "last_error"?: string | null;
          "lease_expires_at"?: string | null;
          "sent_at"?: string | null;
          "status"?: string;
          "token"?: string | null;
          "week": string;
        };
        Update: {
          "attempts"?: number;
          "destination_id"?: number;
          "id"?: string;
          "is_perhaps_received"?: boolean;
          "last_error"?: string | null;
          "lease_expires_at"?: string | null;
          "sent_at"?: string | null;
          "status"?: string;
          "token"?: string | null;
          "week"?: string;
        };
        Relationships: [
          {
            foreignKeyName: "weekly_report_deliveries_destination_id_fkey";
            columns: ["destination_id"];
            isOneToOne: false;
            referencedRelation: "notification_destinations";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "weekly_report_deliveries_week_fkey";
            columns: ["week"];
            isOneToOne: false;
            referencedRelation: "weekly_reports";
            referencedColumns: ["week"];
          },
        ];
      };
      "weekly_reports": {
        Row: {
          "created_at": string;
          "facts": NonNullable<Json>;
          "week": string;
        };
        ComputedFields: never;
        Insert: {
          "created_at": string;
          "facts": NonNullable<Json>;
          "week": string;
        };
        Update: {
          "created_at"?: string;
          "facts"?: NonNullable<Json>;
          "week"?: string;
        };
        Relationships: [];
      };
    };
    Views: {
      "sync_health_summary": {
        Row: {
          "avg_duration_seconds": number | null;
          "entity_type": string;
          "last_execution": string | null;
          "successful_executions": number | null;
          "total_executions": number | null;
        };
        ComputedFields: never;
        Relationships: [
          {
            foreignKeyName: "sync_execution_history_entity_type_fkey";
            columns: ["entity_type"];
            isOneToOne: false;
            referencedRelation: "sync_status";
            referencedColumns: ["entity_type"];
          },
        ];
      };
    };
    Functions: {
      "apply_alert_transitions": { Args: { "as_of"?: string; "p": Json }; Returns: number };
      "cancel_sync_job": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "change_alert_incident": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "change_alert_notification": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "change_entity": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "change_retention_setting": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "claim_alert_notifications": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "claim_people_change": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "claim_tournament": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "claim_upstream_slot": { Args: { "as_of"?: string; "p_upstream": string }; Returns: Json };
      "claim_weekly_reports": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "complete_season": { Args: { "as_of"?: string; "p": Json }; Returns: number };
      "confirm_canary": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "delete_alert_rule": { Args: { "as_of"?: string; "p": Json }; Returns: boolean };
      "delete_notification_channel": { Args: { "as_of"?: string; "p": Json }; Returns: boolean };
      "delete_objective": { Args: { "as_of"?: string; "p": Json }; Returns: boolean };
      "drain_sync_queue": { Args: { "as_of"?: string }; Returns: Json };
      "end_alert_silence": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "end_upstream_backoff": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "enqueue_sync_job": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "finish_people_change": { Args: { "as_of"?: string; "p": Json }; Returns: boolean };
      "finish_sync_execution": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "get_alert_incident": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "get_alert_notification": { Args: { "p": Json }; Returns: Json };
      "get_alert_quality": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "get_alertmanager_alerts": { Args: { "as_of"?: string }; Returns: Json };
      "get_connectivity_test": { Args: { "as_of"?: string }; Returns: Json };
      "get_error_analytics": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "get_execution": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "get_health_overview": { Args: { "as_of"?: string }; Returns: Json };
      "get_known_season": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "get_metrics_facts": { Args: { "as_of"?: string }; Returns: Json };
      "get_objective": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "get_performance_history": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "get_prometheus_facts": { Args: { "as_of"?: string }; Returns: Json };
      "get_queue_status": { Args: { "as_of"?: string }; Returns: Json };
      "get_setup_facts": { Args: { "as_of"?: string }; Returns: Json };
      "get_sync_job": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "get_sync_statistics": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "get_system_facts": { Args: { "as_of"?: string }; Returns: Json };
      "get_tournament_state": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "get_weekly_report": { Args: { "as_of"?: string }; Returns: Json };
      "heartbeat_sync_execution": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "label_alert_incident": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "list_alert_incidents": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "list_alert_rules": { Args: Record<PropertyKey, never>; Returns: Json };
      "list_alert_silences": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "list_audit_log": { Args: { "p": Json }; Returns: Json };
      "list_due_tournaments": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "list_entities": { Args: Record<PropertyKey, never>; Returns: Json };
      "list_errors": { Args: { "p": Json }; Returns: Json };
      "list_executions": { Args: { "p": Json }; Returns: Json };
      "list_notification_channels": { Args: Record<PropertyKey, never>; Returns: Json };
      "list_objectives": { Args: { "as_of"?: string }; Returns: Json };
      "list_retention_settings": { Args: Record<PropertyKey, never>; Returns: Json };
      "list_sealed_audit": { Args: { "p": Json }; Returns: Json };
      "list_search_results": { Args: { "p": Json }; Returns: Json };
      "list_sync_jobs": { Args: { "p": Json }; Returns: Json };
      "list_tournament_states": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "list_unsealed_audit": { Args: { "p": Json }; Returns: Json };
      "measure_alert_rules": { Args: { "as_of"?: string }; Returns: Json };
      "postpone_sync_job": { Args: { "as_of"?: string; "p": Json }; Returns: undefined };
      "preview_alert_rule": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "read_with_etag": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "reap_sync_executions": { Args: { "as_of"?: string }; Returns: number };
      "record_alert_delivery": { Args: { "as_of"?: string; "p": Json }; Returns: boolean };
      "record_alertmanager_post": { Args: { "as_of"?: string; "p": Json }; Returns: undefined };
      "record_channel_test": { Args: { "as_of"?: string; "p": Json }; Returns: undefined };
      "record_connectivity_test": { Args: { "as_of"?: string; "p": Json }; Returns: boolean };
      "record_weekly_report": { Args: { "as_of"?: string; "p": Json }; Returns: boolean };
      "release_tournament": { Args: { "as_of"?: string; "p": Json }; Returns: undefined };
      "release_upstream_slot": { Args: { "as_of"?: string; "p": Json }; Returns: undefined };
      "replay_alert_rule": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "requeue_sync_job": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "resolve_errors": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "save_alert_rule": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "save_alert_silence": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "save_notification_channel": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "save_objective": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "schema_version": { Args: Record<PropertyKey, never>; Returns: Json };
      "seal_audit": { Args: { "p": Json }; Returns: number };
      "start_connectivity_test": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "start_sync_execution": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "test_notification_channel": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "upsert_tournaments": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
      "write_matches": { Args: { "as_of"?: string; "p": Json }; Returns: Json };
    };
    Enums: {
      [_ in never]: never;
    };
    CompositeTypes: {
      [_ in never]: never;
    };
  };
};

type DatabaseWithoutInternals = Omit<Database, "__InternalSupabase">;

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "public">];

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  } ? keyof (
      & DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
      & DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"]
    )
    : never = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals } ? (
    & DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    & DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"]
  )[TableName] extends {
    Row: infer R;
  } ? R
  : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    ? (DefaultSchema["Tables"] & DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
      Row: infer R;
    } ? R
    : never
  : never;

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  } ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
    Insert: infer I;
  } ? I
  : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
    ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Insert: infer I;
    } ? I
    : never
  : never;

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  } ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
    Update: infer U;
  } ? U
  : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
    ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Update: infer U;
    } ? U
    : never
  : never;

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema["Enums"]
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  } ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never = never,
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"] ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
  : never;

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  } ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never = never,
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
    ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
  : never;

export const Constants = {
  "public": {
    Enums: {},
  },
} as const;
