/** Sends a request to a function below a path such as `/sync-admin`, and returns the status and the JSON of its answer. */
export const requester =
  (app: { fetch(request: Request): Response | Promise<Response> }, base: string) =>
  async (method: string, path: string, body: unknown, headers: Record<string, string>) => {
    const init = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
    const response = await app.fetch(new Request(`http://functions.test${base}${path}`, init));
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : null };
  };
