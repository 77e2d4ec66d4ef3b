import type { HttpDeps } from "../supabase/functions/sync-alert-processor/channels/http.ts";

/** A received request, with the address that the sender used. */
export interface ReceivedRequest {
  url: string;
  headers: Headers;
  body: string;
}

/**
 * A web server in place of a hosted receiver, which receives the requests to every address. `answer` returns its response; null never
 * answers.
 */
export function startReceiver(answer: (request: ReceivedRequest) => Response | null) {
  const requests: ReceivedRequest[] = [], closed = new AbortController();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const received = { url: request.headers.get("x-sent-to") ?? "", headers: request.headers, body: await request.text() };
    requests.push(received);
    return answer(received) ?? await new Promise<Response>((resolve) => {
      closed.signal.addEventListener("abort", () => resolve(new Response()));
    });
  });
  const send: typeof fetch = (input, init) => {
    const url = new URL(String(input));
    const headers = new Headers(init?.headers);
    headers.set("x-sent-to", url.href);
    return fetch(`http://127.0.0.1:${server.addr.port}${url.pathname}${url.search}`, { ...init, headers });
  };
  const deps: HttpDeps = { fetch: send, resolve: () => Promise.resolve(["93.184.216.34"]), allowPrivate: false, now: () => 0 };
  const close = async () => {
    closed.abort();
    await server.shutdown();
  };
  return { deps, requests, close };
}
