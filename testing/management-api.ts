/** A stand-in for the Management API, which stores the files of each function and the secrets from the official CLI. */
interface ManagementApi {
  /** The uploaded files of each function, by their path in the project. */
  deployed: Map<string, { files: Map<string, string>; metadata: Record<string, unknown> }>;
  secrets: Map<string, string>;
  /** The environment with which the official CLI calls this API; it writes a profile into the folder. */
  env(folder: string): Promise<Record<string, string>>;
  stop(): Promise<void>;
}

const PROJECT = {
  organization_id: "o",
  organization_slug: "o",
  name: "p",
  region: "eu-west-1",
  created_at: "2026-01-01T00:00:00Z",
  status: "ACTIVE_HEALTHY",
};
const DATABASE = { host: "x", version: "15", postgres_engine: "15", release_channel: "ga" };

const described = (slug: string) => ({
  id: crypto.randomUUID(),
  slug,
  name: slug,
  status: "ACTIVE",
  version: 1,
  created_at: 1_780_000_000_000,
  updated_at: 1_780_000_000_000,
  verify_jwt: false,
  import_map: true,
  entrypoint_path: "x",
  import_map_path: "y",
  ezbr_sha256: "0".repeat(64),
});

export function startManagementApi(): ManagementApi {
  const deployed: ManagementApi["deployed"] = new Map();
  const secrets: ManagementApi["secrets"] = new Map();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const ref = /^\/v1\/projects\/([a-z]{20})$/.exec(pathname)?.[1];
    if (ref) return Response.json({ id: ref, ref, ...PROJECT, database: DATABASE });
    if (request.method === "GET" && pathname.endsWith("/functions")) return Response.json([]);
    if (request.method === "PUT" && pathname.endsWith("/functions")) return Response.json({ functions: await request.json() });
    if (request.method === "POST" && pathname.endsWith("/secrets")) {
      for (const { name, value } of await request.json()) secrets.set(name, value);
      return new Response(null, { status: 201 });
    }
    if (request.method !== "POST" || !pathname.endsWith("/functions/deploy")) {
      return Response.json({ message: "not found" }, { status: 404 });
    }
    const slug = searchParams.get("slug") ?? "";
    const form = await request.formData();
    const files = new Map<string, string>();
    for (const part of form.getAll("file")) if (part instanceof File) files.set(part.name, await part.text());
    const metadata = form.get("metadata");
    deployed.set(slug, { files, metadata: JSON.parse(metadata instanceof File ? await metadata.text() : String(metadata)) });
    return Response.json(described(slug), { status: 201 });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const env = async (folder: string) => {
    const profile = `${folder}/profile.yaml`;
    await Deno.writeTextFile(
      profile,
      `name: mock\napi_url: ${url}\ndashboard_url: ${url}\nproject_host: supabase.co\npooler_host: supabase.com\n`,
    );
    return { SUPABASE_ACCESS_TOKEN: `sbp_${"0".repeat(40)}`, SUPABASE_PROFILE: profile };
  };
  return { deployed, secrets, env, stop: () => server.shutdown() };
}
