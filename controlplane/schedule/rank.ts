// Which of several hosts that could take a replica gets it. The order of varieties comes first: the settings declare it.
import { claimedMemory, type HostLoad, type Request } from "./filters.ts";

/** Strategies by name: `spread` keeps hosts evenly loaded, `binpack` fills one host before the next and keeps big holes. */
export const strategies = { spread: 1, binpack: -1 } as const;
export type Strategy = keyof typeof strategies;

export type Option = { readonly load: HostLoad; readonly varietyIndex: number; readonly image: string };

/** Sorts the best option first. Ties end at the host's name, so that the same question always gets the same answer. */
export function rank(options: readonly Option[], request: Request, strategy: Strategy): Option[] {
  const direction = strategies[strategy];
  const key = (option: Option): number[] => [
    option.varietyIndex,
    option.load.host.inventory?.images.includes(option.image) === true ? 0 : 1,
    request.previousHostId === option.load.host.id ? 0 : 1,
    direction * usedShare(option.load),
    direction * option.load.held.length,
  ];
  const keyed = options.map((option) => ({ option, key: key(option) }));
  return keyed
    .toSorted((a, b) => compareKeys(a.key, b.key) || (a.option.load.host.name < b.option.load.host.name ? -1 : 1))
    .map(({ option }) => option);
}

/** Share of a host's RAM that is promised; 0 when its size is unknown. */
function usedShare({ host, held }: HostLoad): number {
  const total = Number(host.inventory?.memoryBytes ?? 0n);
  return total === 0 ? 0 : claimedMemory(held) / total;
}

function compareKeys(a: readonly number[], b: readonly number[]): number {
  for (const [i, left] of a.entries()) {
    const difference = left - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
