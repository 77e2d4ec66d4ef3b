/** The version of this product. `deno task release` sets it, here and in deno.json. */
export const VERSION = "1.0.0";
