// The script of a page of another origin than that of the project; `another-origin.test.ts` bundles it.
import { createClient } from "@supabase/supabase-js";

Object.assign(globalThis, { createClient });
