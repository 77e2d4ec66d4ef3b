import { useState } from "preact/hooks";
import { announce } from "../announce.ts";
import { ChangePersonResponse, PeopleResponse, type Person, type Role, ROLES } from "../../../types/people.ts";
import { Confirm, ConfirmDialog } from "../components/confirm.tsx";
import { AddPerson, NO_ROLE, ROLE_OPTIONS, roleOf } from "../components/add-person.tsx";
import { Facts, Page } from "../components/page.tsx";
import { Empty, Reading, Refusal } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { Table } from "../components/table.tsx";
import { Day, Distance } from "../components/time.tsx";
import { inZoneShort, title } from "../format.ts";
import { useAct, usePages } from "../queries.ts";
import { useUser } from "../session.ts";

const nameOf = ({ email, id }: Person): string => email ?? id;

export default function People() {
  const { can } = useUser();
  const [isAdding, setAdding] = useState(false);
  return (
    <Page
      title="People"
      lead="The people who can sign in. A person without a role sees no data."
      acts={can("admin") && <button type="button" class="primary" onClick={() => setAdding(true)}>Add a person</button>}
    >
      {can("admin") ? <List /> : <Empty>Only an admin can see the people.</Empty>}
      {isAdding && (
        <AddPerson
          onClose={() => setAdding(false)}
          onDone={({ email, confirmed }) => {
            setAdding(false);
            announce(confirmed ? `${email} can sign in now.` : `${email} is invited. The link in the mail leads to this page.`);
          }}
        />
      )}
    </Page>
  );
}

function List() {
  const { email } = useUser();
  const pages = usePages("sync-admin/people", { limit: 200 }, PeopleResponse, 30_000);
  return (
    <Reading of={pages}>
      {({ pages: loaded }) => (
        <>
          <div class="quiet-states people">
            <Table
              caption="People"
              rows={loaded.flatMap(({ people }) => people)}
              keyOf={(person) => person.id}
              columns={[
                {
                  name: "Person",
                  isHead: true,
                  cell: (person) => (
                    <span class="person">
                      <span class="avatar" aria-hidden="true">{nameOf(person).charAt(0).toUpperCase()}</span> {nameOf(person)}{" "}
                      {person.email === email && <span class="pill">You</span>}
                    </span>
                  ),
                },
                { name: "State", card: "state", cell: (person) => <State person={person} /> },
                {
                  name: "Role",
                  card: "start",
                  cell: (person) => person.email === email ? <OwnRole person={person} /> : <RoleField person={person} />,
                },
                {
                  name: "Last sign-in",
                  card: "head",
                  cell: (person) => (
                    <>
                      <span class="unit">last sign-in</span> {person.last_sign_in_at ? <Distance at={person.last_sign_in_at} /> : "never"}
                    </>
                  ),
                },
                {
                  name: "Created",
                  card: "head",
                  cell: (person) => (
                    <>
                      <span class="unit">created</span> <Day at={person.created_at} />
                    </>
                  ),
                },
                {
                  name: "Actions",
                  isNumber: true,
                  card: "end",
                  cell: (person) => person.email !== email && <DisableButton person={person} />,
                },
              ]}
            />
          </div>
          {pages.hasNextPage && (
            <button
              type="button"
              aria-busy={pages.isFetchingNextPage}
              onClick={() => void pages.fetchNextPage()}
            >
              Load more
            </button>
          )}
          <Roles />
        </>
      )}
    </Reading>
  );
}

/** The rights of each role. */
const RIGHTS: Record<Role, string> = {
  viewer: "Reads every view except People and Channels.",
  operator: "Also starts and cancels syncs, and acknowledges, silences and resolves incidents.",
  admin: "Also changes rules, channels, syncs and people.",
};

const Roles = () => (
  <details>
    <summary>What each role may do</summary>
    <Facts class="pairs" of={ROLES.map((role) => [title(role), RIGHTS[role]])} />
  </details>
);

function State({ person }: { person: Person }) {
  if (person.disabled) return <Status of="FAILED" label="Disabled" />;
  return person.confirmed ? <Status of="OK" label="Active" /> : <Status of="PENDING" label="Not confirmed" />;
}

/** A person after a change, and the time until which an open session has its old rights. */
function describeChange(changed: ChangePersonResponse): string {
  const until = changed.old_tokens_expire_by;
  const rest = until ? ` An open session keeps its old rights until ${inZoneShort(until)} at most.` : "";
  return `${nameOf(changed)} ${changed.disabled ? "is disabled" : `has ${changed.role ? `the role ${changed.role}` : "no role"}`}.${rest}`;
}

const useChange = (person: Person, onDone?: () => void) =>
  useAct(
    (body: { role?: Role | null; disabled?: boolean }) => ({ method: "PATCH", path: `sync-admin/people/${person.id}`, body }),
    ChangePersonResponse,
    (changed) => {
      onDone?.();
      announce(describeChange(changed));
    },
  );

const OWN_ROLE = "Only another admin can change your role.";

/** The role of the signed-in admin, who cannot change it, so that no admin removes their own access. */
const OwnRole = ({ person: { role } }: { person: Person }) => (
  <span class="own-role" title={OWN_ROLE}>
    {role ?? NO_ROLE} <span class="unseen">{OWN_ROLE}</span>
  </span>
);

function RoleField({ person }: { person: Person }) {
  const [isAsking, setAsking] = useState(false);
  const change = useChange(person, () => setAsking(false));
  return (
    <>
      <select
        class="small"
        aria-label={`Role of ${nameOf(person)}`}
        aria-busy={change.isPending}
        disabled={change.isPending}
        value={person.role ?? NO_ROLE}
        onChange={(event) => {
          const role = roleOf(event.currentTarget.value);
          if (role) return change.mutate({ role });
          // The select shows the new role only after the change is confirmed.
          event.currentTarget.value = person.role ?? NO_ROLE;
          setAsking(true);
        }}
      >
        {ROLE_OPTIONS.map(([option, name]) => (
          <option key={option} value={option} selected={option === (person.role ?? NO_ROLE)}>{name}</option>
        ))}
      </select>
      {isAsking
        ? (
          <ConfirmDialog
            title={`Remove the role of ${nameOf(person)}?`}
            confirm="Remove the role"
            act={change}
            onConfirm={() => change.mutate({ role: null })}
            onClose={() => setAsking(false)}
          >
            The person can still sign in, but reads nothing.
          </ConfirmDialog>
        )
        : <Refusal error={change.error} />}
    </>
  );
}

function DisableButton({ person }: { person: Person }) {
  const change = useChange(person);
  return (
    <>
      {person.disabled
        ? (
          <button
            type="button"
            class="small"
            aria-label={`Enable ${nameOf(person)}`}
            aria-busy={change.isPending}
            disabled={change.isPending}
            onClick={() => change.mutate({ disabled: false })}
          >
            Enable
          </button>
        )
        : (
          <Confirm
            class="small danger"
            label="Disable"
            name={`Disable ${nameOf(person)}`}
            title={`Disable ${nameOf(person)}?`}
            confirm="Disable the person"
            change={{ method: "PATCH", path: `sync-admin/people/${person.id}`, body: { disabled: true } }}
            schema={ChangePersonResponse}
            onDone={(changed) => announce(describeChange(changed))}
          >
            The person can no longer sign in. Their acts stay in the audit log, and you can enable them again.
          </Confirm>
        )}
      <Refusal error={change.error} />
    </>
  );
}
