// deno-lint-ignore-file no-import-prefix -- an import map would need a name for each
/**
 * The packages that our packages need, each in the version of deno.lock. A deployment uploads no lock file, so that the ranges of packages
 * would be resolved anew at each one; Deno takes a version that a file imports before a newer one in a range.
 */
import "npm:@asteasolutions/zod-to-openapi@9.1.0";
import "npm:@hono/zod-validator@0.9.1";
import "npm:@stablelib/base64@1.0.1";
import "npm:fast-sha256@1.3.0";
import "npm:is-network-error@1.3.2";
import "npm:openapi3-ts@4.6.2";
import "npm:tslib@2.8.1";
import "npm:xmlchars@2.2.0/xml/1.0/ed5.js";
import "npm:yaml@2.9.1";
