// Who a Compose service runs as and what it may do. Compose starts with the engine's capabilities, Ozwald with none: that is said.
import type { InputMap } from "./input-map.ts";
import type { LayerDraft } from "./layer-draft.ts";

/** Of what the engine gives to everybody: what images need that begin as root, put files right and step down to a user. */
const steppingDown = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"];

const setuid =
  "programs with the setuid bit (sudo, su) gain nothing here. For a service that needs one: security: { allow_new_privileges: true }.";

function isRoot(user: string | undefined): boolean {
  return user !== undefined && /^(0|root)(:|$)/.test(user);
}

/** Writes user, capabilities, privileges, read-only root and the host's name spaces. */
export function importSecurity(input: InputMap, draft: LayerDraft): void {
  const user = input.text("user");
  draft.putIn("security", "user", user, "user");
  const privileged = input.truth("privileged") === true;
  if (privileged) draft.putIn("security", "privileged", true, "privileged");
  if (input.truth("read_only") === true) draft.putIn("security", "read_only", true, "read_only");
  importCapabilities(input, draft, privileged || (user !== undefined && !isRoot(user)));
  const ipc = input.text("ipc");
  if (ipc === "host") draft.putIn("security", "host_ipc", true, "ipc");
  else if (ipc === "private") input.notNeeded("ipc", "every container has its own.");
  else if (ipc !== undefined) input.refuse("ipc", `${ipc}: it is the container's own or the host's.`);
  const options = input.texts("security_opt");
  if (!privileged && !isRoot(user) && !options.some((option) => option.startsWith("no-new-privileges")))
    input.notes.addForAll("changed", "no-new-privileges", setuid);
  for (const [i, option] of options.entries()) {
    if (/^no-new-privileges([:=]true)?$/.test(option)) input.notNeeded(`security_opt[${i}]`, "it is always so.");
    else if (/^no-new-privileges[:=]false$/.test(option))
      draft.putIn("security", "allow_new_privileges", true, "security_opt");
    else input.refuse(`security_opt[${i}]`, `${option}: there is no setting for it.`);
  }
}

function importCapabilities(input: InputMap, draft: LayerDraft, needsNone: boolean): void {
  const plain = (each: string) => each.toUpperCase().replace(/^CAP_/, "");
  const [added, dropped] = [input.texts("cap_add").map(plain), input.texts("cap_drop").map(plain)];
  if (dropped.includes("ALL")) input.notNeeded("cap_drop", "every capability is dropped unless it is given back.");
  else if (dropped.length > 0) input.notNeeded("cap_drop", `${dropped.join(", ")}: they are dropped anyway.`);
  const given = needsNone || dropped.includes("ALL") ? [] : steppingDown.filter((each) => !dropped.includes(each));
  const all = [...new Set([...given, ...added])];
  if (given.length > 0)
    input.changed(
      "cap_add",
      "of what the engine gives to everybody, these, for images that begin as root; try without.",
    );
  if (all.length > 0) draft.putIn("security", "cap_add", all, "cap_add");
}
