// The schemas of all requests and responses, and the types inferred from them.
export * from "./admin.ts";
export * from "./alert-quality.ts";
export * from "./alerts.ts";
export * from "./backtest.ts";
export * from "./channel-request.ts";
export * from "./history.ts";
export * from "./jobs.ts";
export * from "./monitoring.ts";
export * from "./objectives.ts";
export * from "./people.ts";
export * from "./search.ts";
export * from "./sync.ts";
export * from "./weekly-report.ts";
