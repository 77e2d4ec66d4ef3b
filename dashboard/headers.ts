/** The headers of every file of the page; `project` is the origin of the Supabase project, if it differs from that of the page. */
export function pageHeaders(project?: string): Record<string, string> {
  return {
    "Content-Security-Policy": [...sources(project), "frame-ancestors 'none'"].join("; "),
    "X-Content-Type-Options": "nosniff",
    // This header is for browsers without support for frame-ancestors.
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "accelerometer=(), camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
  };
}

/** The headers of files whose names contain a digest of their content. */
export const ASSETS = { path: "/assets/*", headers: { "Cache-Control": "public, max-age=31536000, immutable" } };

/** The policy without `frame-ancestors`, which browsers ignore in a meta element. */
export const metaPolicy = (project?: string): string => sources(project).join("; ");

/** The policy: scripts, styles and requests of known origins only, so that text from upstream never runs and never leaves the page. */
const sources = (project?: string): string[] => [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  `connect-src 'self'${project ? ` ${project}` : ""}`,
  "base-uri 'none'",
  "form-action 'none'",
];

/** The content of `_headers`, the file of Netlify and Cloudflare Pages. */
export function headersFile(project?: string): string {
  const section = (path: string, headers: Record<string, string>) =>
    [path, ...Object.entries(headers).map(([name, value]) => `  ${name}: ${value}`), ""].join("\n");
  return section("/*", pageHeaders(project)) + section(ASSETS.path, ASSETS.headers);
}
