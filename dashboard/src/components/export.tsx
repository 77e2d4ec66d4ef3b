import { Download } from "lucide-preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { z } from "zod";
import { useApi } from "../api.ts";
import { csvOf } from "../csv.ts";
import { counted, number } from "../format.ts";
import { pathOf } from "../queries.ts";
import { Menu } from "./menu.tsx";
import { Refusal } from "./states.tsx";

/** The largest number of rows in a file. */
const MOST = 10_000;
/** The largest number of rows in an answer of the API. */
const PAGE = 200;

interface List<T> {
  /** The name of the file, without its ending. */
  name: string;
  path: string;
  query: Record<string, string | null | undefined>;
  schema: z.ZodType<T>;
  rowsOf: (page: T) => object[];
  /** Whether the API returns the list page by page. */
  hasPages?: boolean;
}

const nextOf = (page: object): string | null => "next_cursor" in page && typeof page.next_cursor === "string" ? page.next_cursor : null;

function save(name: string, type: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  // The browser reads the address before the next task.
  setTimeout(() => URL.revokeObjectURL(link.href));
}

/** A menu that saves every row of a filtered list as CSV or JSON; it stops after 10,000 rows and announces that. */
export function Export<T extends object>({ name, path, query, schema, rowsOf, hasPages = true }: List<T>) {
  const api = useApi();
  const [message, setMessage] = useState("");
  const [error, setError] = useState<unknown>(null);
  const reading = useRef<AbortController | null>(null);
  useEffect(() => () => reading.current?.abort(), []);
  const read = async (signal: AbortSignal): Promise<{ rows: object[]; isWhole: boolean }> => {
    const rows: object[] = [];
    let cursor: string | null = "";
    while (cursor !== null && rows.length < MOST) {
      const page: T = await api.get(pathOf(path, { ...query, limit: hasPages ? PAGE : null, cursor }), schema, signal);
      rows.push(...rowsOf(page));
      cursor = nextOf(page);
      setMessage(`Reading, ${counted(rows.length, "row")} …`);
    }
    return { rows: rows.slice(0, MOST), isWhole: cursor === null };
  };
  const run = async (format: "csv" | "json") => {
    reading.current?.abort();
    const { signal } = reading.current = new AbortController();
    setError(null);
    setMessage("Reading …");
    try {
      const { rows, isWhole } = await read(signal);
      if (format === "csv") save(`${name}.csv`, "text/csv", csvOf(rows));
      else save(`${name}.json`, "application/json", JSON.stringify(rows, null, 2));
      setMessage(
        isWhole
          ? `Exported ${counted(rows.length, "row")}.`
          : `Exported the first ${number(rows.length)} rows. Narrow the filters for the others.`,
      );
    } catch (refusal) {
      if (signal.aborted) return;
      setMessage("");
      setError(refusal);
    }
  };
  return (
    <div class="acts export">
      <span class="muted" role="status">{message}</span>
      <Refusal error={error} />
      <Menu
        label="Export"
        items={[
          { id: "csv", label: "CSV", onSelect: () => void run("csv") },
          { id: "json", label: "JSON", onSelect: () => void run("json") },
        ]}
      >
        <Download aria-hidden="true" /> Export
      </Menu>
    </div>
  );
}
