import { Link } from "wouter-preact";
import { Page } from "../components/page.tsx";

export function NotFound() {
  return (
    <Page title="Page not found">
      <p>
        The address may belong to another version of the page. <Link href="/">Go to the overview</Link>.
      </p>
    </Page>
  );
}
