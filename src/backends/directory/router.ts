// Several directories behind one face: a name goes to the directory its domain or DN belongs to, any
// other name to all of them. Invariants: two people of one name are never chosen between; a directory
// that can't answer is an outage unless another one knows the person, and then delays nobody.

import type { Directory, LookupResult } from "../../core/ports.ts";
import type { DirectoryBackend } from "./directory.ts";
import { onlyPerson } from "./only.ts";

type Answer = PromiseSettledResult<LookupResult>;

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
      // All at once; one that is known to be down may take its whole time to say so.
      const questions = Map.groupBy(asked, (each) => each.status().state);
      const [up, down] = (["up", "down"] as const).map((state) =>
        Promise.allSettled((questions.get(state) ?? []).map((each) => each.find(username))),
      );
      const first = (await up) ?? [];
      const only = onlyPerson(first.flatMap(found));
      if (only.kind !== "not-found") return only;
      const all = [...first, ...((await down) ?? [])];
      const any = onlyPerson(all.flatMap(found));
      // "Nobody" is only true once everybody was asked.
      const outage = all.find((answer) => answer.status === "rejected");
      if (any.kind === "not-found" && outage !== undefined) throw outage.reason;
      return any;
    },
    bind: (identity, password) => getOwner(identity.directory).bind(identity, password),
    memberOf: (identity, groupDns) => getOwner(identity.directory).memberOf(identity, groupDns),
  };
}

function found(answer: Answer): LookupResult[] {
  return answer.status === "fulfilled" ? [answer.value] : [];
}
