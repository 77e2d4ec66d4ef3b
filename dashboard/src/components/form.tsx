import { type ComponentChildren, createContext } from "preact";
import { useContext, useEffect, useId, useRef, useState } from "preact/hooks";
import { go, guardView } from "../address.ts";
import { describeError } from "../queries.ts";
import { refusalOf } from "../refusals.ts";
import { Dialog } from "./dialog.tsx";

interface FormState {
  /** The refusals of the API by field. */
  problems: Record<string, string>;
  /** The fields by their name in the API. */
  fields: Map<string, RegisteredField>;
}
interface RegisteredField {
  id: string;
  label: string;
  /** Replaces a message of the API whose values differ from those of the form. */
  words?: ((message: string) => string) | undefined;
}
const FormContext = createContext<FormState | null>(null);

/** The field of a refusal: the field with its path, a field that contains the path, or the first field inside it. */
function ownerOf(fields: FormState["fields"], path: string): RegisteredField | undefined {
  for (let name = path; name; name = name.replace(/\.?[^.]*$/, "")) {
    const field = fields.get(name);
    if (field) return field;
  }
  return [...fields].find(([name]) => name.startsWith(`${path}.`))?.[1];
}

/** A refusal in the words of the form. */
function wordsOf({ problems, fields }: FormState, path: string): string {
  const labels = new Map([...fields].map(([name, { label }]) => [name, label]));
  const owner = ownerOf(fields, path);
  if (owner) labels.set(path.replace(/\.\d+$/, ""), owner.label);
  const message = problems[path] ?? "";
  return refusalOf(path, owner?.words?.(message) ?? message, labels);
}

/** The id of a field, and its refusal in the words of its form. */
export function useField({ name, label, error, words }: Omit<RegisteredField, "id"> & { name?: string; error?: string | undefined }) {
  const id = useId();
  const form = useContext(FormContext);
  if (!form || !name) return { id, problem: error && refusalOf(label, error, new Map([[label, label]])) };
  form.fields.set(name, { id, label, words });
  const path = Object.keys(form.problems).find((path) => ownerOf(form.fields, path)?.id === id);
  return { id, problem: path && wordsOf(form, path) };
}

/** Asks before a person leaves unsaved changes of a form by a link, by a button of the browser, or by closing the tab. */
function LeaveGuard({ isChanged }: { isChanged: boolean }) {
  const [target, setTarget] = useState<string | null>(null);
  const current = useRef(isChanged);
  current.current = isChanged;
  useEffect(() => {
    const onUnload = (event: BeforeUnloadEvent) => current.current && event.preventDefault();
    addEventListener("beforeunload", onUnload);
    const release = guardView((to) => {
      if (!current.current) return true;
      setTarget(to);
      return false;
    });
    return () => {
      removeEventListener("beforeunload", onUnload);
      release();
    };
  }, []);
  if (target === null) return null;
  const discard = () => {
    current.current = false;
    go(target);
  };
  return (
    <Dialog title="Leave without saving?" onClose={() => setTarget(null)}>
      <p>The changes of this form are not saved.</p>
      <div class="acts">
        <button type="button" autofocus onClick={() => setTarget(null)}>Keep editing</button>
        <button type="button" class="danger" onClick={discard}>Discard the changes</button>
      </div>
    </Dialog>
  );
}

/** The refusals above the fields: a link to each refused field, and a sentence for a refusal without a field. */
function Problems({ error, fields }: { error: unknown; fields: FormState["fields"] }) {
  const { message, fields: problems } = describeError(error);
  const paths = Object.keys(problems);
  return (
    <div class="problems" role="alert" tabIndex={-1}>
      {paths.length === 0 ? <p>{message}</p> : (
        <>
          <strong>{paths.length === 1 ? "1 field needs a change" : `${paths.length} fields need a change`}</strong>
          <ul>
            {paths.map((path) => {
              const id = ownerOf(fields, path)?.id;
              const text = wordsOf({ problems, fields }, path);
              const focus = (event: Event) => {
                event.preventDefault();
                if (id) showField(document.getElementById(id));
              };
              return <li key={path}>{id ? <a href={`#${id}`} onClick={focus}>{text}</a> : text}</li>;
            })}
          </ul>
        </>
      )}
    </div>
  );
}

/** Gives a control the focus, and opens a closed disclosure around it. */
function showField(control: HTMLElement | null): void {
  const disclosure = control?.closest("details");
  if (disclosure) disclosure.open = true;
  control?.focus();
}

/** The part of a mutation that a form shows. */
interface Sending {
  error: unknown;
  isPending: boolean;
  isSuccess?: boolean;
}

/** A form that shows refusals at its fields and above them, and protects unsaved changes. */
export function Form({ of: { error, isPending, isSuccess = false }, isChanged, onSubmit, submit, acts, class: look, children }: {
  of: Sending;
  isChanged: boolean;
  onSubmit: () => void;
  /** The text of the button that sends the form. */
  submit: string;
  /** Further buttons. */
  acts?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}) {
  const form = useRef<HTMLFormElement>(null);
  const fields = useRef<FormState["fields"]>(new Map()).current;
  useEffect(() => {
    const first = (selector: string) => form.current?.querySelector<HTMLElement>(selector);
    if (error) showField(first("[aria-invalid=true]") ?? first(".problems") ?? null);
  }, [error]);
  return (
    <>
      <form
        ref={form}
        class={look}
        data-changed={isChanged || undefined}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (!isPending) onSubmit();
        }}
      >
        <FormContext.Provider value={{ problems: error ? describeError(error).fields : {}, fields }}>
          {error ? <Problems error={error} fields={fields} /> : null}
          {children}
        </FormContext.Provider>
        <div class="acts">
          <button type="submit" aria-busy={isPending} disabled={isPending}>{submit}</button>
          {acts}
        </div>
      </form>
      <LeaveGuard isChanged={isChanged && !isSuccess} />
    </>
  );
}
