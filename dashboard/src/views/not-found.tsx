import { Link } from "wouter-preact";
import { Page } from "../components/page.tsx";

export function NotFound() {
  return (
    <Page title="There is no such view">
      <p>
        The address may be from another version. <Link href="/">Go to the overview</Link>.
      </p>
    </Page>
  );
}
