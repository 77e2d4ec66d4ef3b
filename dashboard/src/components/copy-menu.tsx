import { Check, Copy as CopyIcon } from "lucide-preact";
import { useApi } from "../api.ts";
import { useCopy } from "./copy.tsx";
import { Menu } from "./menu.tsx";

/** The request of an API address as a shell command, with the token in `$TOKEN`. */
const curlOf = (url: string): string => `curl -H "Authorization: Bearer $TOKEN" '${url.replaceAll("'", "%27")}'`;

/** A menu that copies the link of a view, the id of its object, and the request that reads the object from the API at `path`. */
export function CopyMenu({ id, path }: { id: string; path: string }) {
  const { urlOf } = useApi();
  const [isCopied, copy] = useCopy();
  return (
    <Menu
      label="Copy"
      items={[
        { id: "link", label: "Copy link", onSelect: () => copy(location.href, "the link") },
        { id: "id", label: "Copy id", onSelect: () => copy(id, "the id") },
        { id: "curl", label: "Copy as curl", onSelect: () => copy(curlOf(urlOf(path)), "the command") },
      ]}
    >
      {isCopied ? <Check aria-hidden="true" /> : <CopyIcon aria-hidden="true" />} {isCopied ? "Copied" : "Copy"}
    </Menu>
  );
}
