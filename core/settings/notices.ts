// What is accepted in settings although nothing is done with it: one line for each, by name.
import type { WrittenLayer } from "./schema-layer.ts";
import { volumeOptions, type WrittenVolumeDeclaration } from "./schema.ts";
import { isSet } from "./schema-values.ts";

const texts = {
  provisioners: "accepted, not needed: agents join by themselves.",
  "provisioners[].cache": "accepted, not needed: the state is in the control plane's own file.",
  "provisioners[].encrypted_storage_dir": "accepted, not supported yet: nothing is encrypted by it.",
  "hosts[].resources": "accepted, not needed: hosts report what they have.",
  "vault.lockers": "accepted, not supported yet: no secret is kept in it.",
  lockers: "accepted, not supported yet: no secret is handed to the service.",
  portals: "accepted, not supported yet: no port is opened. Use ports.",
  "bridge-connector": "accepted, not supported yet: it is the end of a portal. Use ports.",
  environment: 'a list becomes JSON text, such as ["a","b"].',
  footprint: "accepted, not supported yet: nothing is measured by it.",
  networks: "accepted: a group has one private network, whatever its networks are named.",
  "volumes[].driver": "accepted, not supported yet: the engine's own driver keeps the volume.",
  "volumes[].options": "accepted, not supported yet: of the options only the size of a tmpfs is used.",
  "volumes[].scope": "accepted, not needed.",
  "volumes[].lifecycle": "accepted, not needed: a volume stays when its instances go.",
  "versioned-read-only": "accepted, versions are not supported yet: the folder is mounted read-only as it is.",
} as const;

export type NoticeKey = keyof typeof texts;

export type NoticeList = {
  add(key: NoticeKey): void;
  /** One about a thing with a name of its own. */
  addNamed(name: string, text: string): void;
  /** Those that a layer gives rise to. */
  ofLayer(layer: WrittenLayer): void;
  /** Those that the declaration of a volume gives rise to. */
  ofVolume(volume: WrittenVolumeDeclaration): void;
  readonly all: string[];
};

export function createNoticeList(): NoticeList {
  const notices = new Map<string, string>();
  const add = (key: NoticeKey): void => void notices.set(key, texts[key]);
  return {
    add,
    addNamed: (name, text) => void notices.set(name, text),
    ofLayer: (layer) => {
      if (isSet(layer["bridge-connector"])) add("bridge-connector");
      if (Object.values(layer.environment ?? {}).some((value) => Array.isArray(value))) add("environment");
      if (isSet(layer.footprint)) add("footprint");
      if ((layer.lockers ?? []).length > 0) add("lockers");
      if ((layer.networks ?? []).some((network) => network !== "default")) add("networks");
    },
    ofVolume: (volume) => {
      if (isSet(volume.driver)) add("volumes[].driver");
      if (isSet(volume.scope)) add("volumes[].scope");
      if (isSet(volume.lifecycle)) add("volumes[].lifecycle");
      if (volumeOptions(volume).some(([name]) => volume.type !== "tmpfs" || name !== "size")) add("volumes[].options");
    },
    get all() {
      return [...notices].map(([name, text]) => `${name}: ${text}`);
    },
  };
}
