// One search from request to result. References to other servers are never followed:
// they would take the service account's password wherever an answer points to.
// Invariant: what one search may gather is bounded, whatever the directory sends.

import { DependencyDown } from "../../core/ports.ts";
import { parseFilter } from "../../wire/ldap/filter.ts";
import {
  encodeSearch,
  type Answer,
  type Entry,
  type SearchRequest,
} from "../../wire/ldap/message.ts";
import type { Exchange } from "./connection.ts";

/** For reading one entry by its DN. */
export const ANY_ENTRY = parseFilter("(objectClass=*)");
/** For filters without a placeholder. */
export const NO_NAME = Buffer.alloc(0);

export interface Found {
  readonly resultCode: number;
  readonly entries: readonly Entry[];
  /** There were more than were asked for. */
  readonly isCut: boolean;
  /** As Result has it. */
  readonly pageCookie: Buffer | undefined;
}

/** Entries beyond the size limit, and references, that are let pass before it counts as flooding. */
const IGNORED_MAX = 1_000;

/** A pool, or one connection. */
export interface Asked {
  run(exchange: Exchange): void;
}

/** Rejects with DependencyDown at `deadlineAt` (monotonic ms) at the latest. */
export function search(
  pool: Asked,
  dependency: string,
  request: SearchRequest,
  deadlineAt: number,
): Promise<Found> {
  return new Promise((resolve, reject) => {
    pool.run(new SearchExchange(request, dependency, deadlineAt, resolve, reject));
  });
}

class SearchExchange implements Exchange {
  readonly deadlineAt: number;
  sentAt = 0;
  readonly #request: SearchRequest;
  readonly #dependency: string;
  readonly #resolve: (found: Found) => void;
  readonly #reject: (error: Error) => void;
  #entries: Entry[] = [];
  #surplus = 0;
  #ignored = 0;
  #isRepeated = false;

  constructor(
    request: SearchRequest,
    dependency: string,
    deadlineAt: number,
    resolve: (found: Found) => void,
    reject: (error: Error) => void,
  ) {
    this.#request = request;
    this.#dependency = dependency;
    this.deadlineAt = deadlineAt;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  encode(id: number): Buffer {
    return encodeSearch(id, this.#request);
  }

  take(answer: Answer): boolean {
    if (answer.kind === "search") {
      const { resultCode, pageCookie } = answer;
      const isCut = this.#surplus > 0;
      this.#resolve({ resultCode, entries: this.#entries, isCut, pageCookie });
      return true;
    }
    if (answer.kind === "entry" && this.#entries.length < entriesMax(this.#request)) {
      this.#entries.push(answer);
      return false;
    }
    if (answer.kind !== "entry" && answer.kind !== "reference") {
      throw new Error("a search was answered with something else");
    }
    this.#surplus += answer.kind === "entry" ? 1 : 0;
    this.#ignored += 1;
    if (this.#ignored > IGNORED_MAX) throw new Error("it sends entries without end");
    return false;
  }

  // Asking twice changes nothing in a directory. Only once: a search that kills it must not go round.
  get isRepeatable(): boolean {
    return !this.#isRepeated;
  }

  repeat(): void {
    this.#isRepeated = true;
    this.#entries = [];
    this.#surplus = 0;
    this.#ignored = 0;
  }

  fail(reason: string): void {
    this.#reject(new DependencyDown(this.#dependency, reason));
  }
}

function entriesMax({ page, sizeLimit }: SearchRequest): number {
  return page?.size ?? sizeLimit;
}
