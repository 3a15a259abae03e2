// Several directories behind one face: a name goes to the directory its domain or DN belongs to, any
// other name to all of them. Invariants: two people of one name are never chosen between; a directory
// that can't answer is an outage unless another one knows the person.

import type { Directory, LookupResult } from "../../core/ports.ts";
import type { DirectoryBackend } from "./directory.ts";
import { onlyPerson } from "./only.ts";

/** `directories` must not be empty. */
export function createRouter(directories: readonly DirectoryBackend[]): Directory {
  const byName = new Map(directories.map((directory) => [directory.name, directory]));

  function getOwner(name: string): DirectoryBackend {
    const owner = byName.get(name);
    if (owner === undefined) throw new Error(`a person of another directory: ${name}`);
    return owner;
  }

  return {
    name: directories.map(({ name }) => name).join("+"),
    async find(username) {
      const owners = directories.filter((directory) => directory.owns(username));
      const asked = owners.length > 0 ? owners : directories;
      const answers = await Promise.allSettled(asked.map((each) => each.find(username)));
      const results: LookupResult[] = [];
      let outage: PromiseRejectedResult | undefined;
      for (const answer of answers) {
        if (answer.status === "fulfilled") results.push(answer.value);
        else outage ??= answer;
      }
      const only = onlyPerson(results);
      // "Nobody" is only true once everybody was asked.
      if (only.kind === "not-found" && outage !== undefined) throw outage.reason;
      return only;
    },
    bind: (identity, password) => getOwner(identity.directory).bind(identity, password),
    memberOf: (identity, groupDns) => getOwner(identity.directory).memberOf(identity, groupDns),
  };
}
