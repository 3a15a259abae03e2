// What an entry of one list has to know of others: which directories there are, and the day.

export interface Neighbours {
  /** All directories, also those with mistakes in them. */
  readonly directories: readonly { readonly name: string; readonly hasDomains: boolean }[];
  /** YYYY-MM-DD, UTC. */
  readonly today: string;
}

/** The one that is meant where none is named. */
export function onlyDirectory({ directories }: Neighbours): string | undefined {
  return directories.length === 1 ? directories[0]?.name : undefined;
}
