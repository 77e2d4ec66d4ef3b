import { type Env, readEnv } from "../services/env.ts";

export const VIS_URL = "http://vis.test/XmlRequest.asmx";

/** The environment of a function under test; retries of requests to VIS do not wait. */
export const testEnv = (overrides: Record<string, string> = {}): Env =>
  readEnv({
    SUPABASE_URL: "http://127.0.0.1:54321",
    SUPABASE_SERVICE_ROLE_KEY: "sb_secret_test",
    VIS_API_URL: VIS_URL,
    VIS_RETRIES: "1",
    VIS_RETRY_MIN_MS: "0",
    ...overrides,
  });
