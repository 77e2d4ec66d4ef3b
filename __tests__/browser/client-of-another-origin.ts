// The script of a page that is served from another origin than the project; `another-origin.test.ts` bundles it.
import { createClient } from "@supabase/supabase-js";

Object.assign(globalThis, { createClient });
