// What `version` says in the programs that have no more of a command line than that.
import { OzError } from "./errors.ts";
import { suggestion } from "./names.ts";
import { commit, protoHash, version } from "./version.ts";

const forms = ["text", "json"];

/** words are what follows `version`; text is the answer for people. Throws bad_request for anything but `-o json` and `-o text`. */
export function versionAnswer(words: readonly string[], text: string): string {
  let form = "text";
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    const [, joined] = /^(?:--output=|-o=?)(.+)$/s.exec(word) ?? [];
    if (joined === undefined && word !== "-o" && word !== "--output") throw notKnown(word);
    form = joined ?? words[(i += 1)] ?? "";
    if (!forms.includes(form)) throw noSuchForm(form);
  }
  return form === "json" ? `${JSON.stringify({ version, commit, proto: protoHash })}\n` : `${text}\n`;
}

function notKnown(word: string): OzError {
  return new OzError("bad_request", `version takes no ${JSON.stringify(word)}`, { hint: "Write: version [-o json]" });
}

function noSuchForm(form: string): OzError {
  return new OzError("bad_request", `-o ${form}: there is no such form`, { hint: suggestion(form, forms) });
}
