/** The media types that are worth compressing; images other than SVG are compressed already. */
const COMPRESSIBLE = /^(text\/|application\/(json|javascript|xml|[\w.-]+\+(json|xml))|image\/svg\+xml)/;

/** Whether the header `Accept-Encoding` accepts gzip; `q=0` refuses an encoding, and `*` stands for every unnamed encoding. */
function acceptsGzip(header: string | null): boolean {
  const weights = new Map(
    (header ?? "").toLowerCase().split(",").map((part) => {
      const [name = "", ...parameters] = part.split(";").map((text) => text.trim());
      const weight = parameters.find((parameter) => parameter.startsWith("q="));
      return [name, weight ? Number(weight.slice(2)) : 1];
    }),
  );
  return (weights.get("gzip") ?? weights.get("x-gzip") ?? weights.get("*") ?? 0) > 0;
}

/** Compresses the answer when the caller accepts gzip, and sets `Vary` for caches. */
export function compress(request: Request, response: Response): Response {
  const { status, body } = response;
  if (!COMPRESSIBLE.test(response.headers.get("content-type") ?? "") || response.headers.has("content-encoding")) return response;
  const headers = new Headers(response.headers);
  headers.append("vary", "accept-encoding");
  if (!body || !acceptsGzip(request.headers.get("accept-encoding"))) return new Response(body, { status, headers });
  headers.delete("content-length");
  headers.set("content-encoding", "gzip");
  // A strong tag means equal bytes, so the tag of a compressed answer is weak.
  const tag = headers.get("etag");
  if (tag?.startsWith('"')) headers.set("etag", `W/${tag}`);
  return new Response(body.pipeThrough(new CompressionStream("gzip")), { status, headers });
}
