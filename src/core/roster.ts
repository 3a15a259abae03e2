// Everyone the store knows, to be paged through and searched by whoever administers.

import type { Person } from "./administration.ts";

export interface RosterQuery {
  readonly limit: number;
  readonly skip: number;
  readonly order: "username" | "-username";
  /** Part of a username, in any case. */
  readonly search?: string | undefined;
  readonly username?: string | undefined;
  readonly hasToken?: boolean | undefined;
  readonly isRequired?: boolean | undefined;
}

/** `account`: a number that is this person's as long as the store has anything about them. */
export interface Listed {
  readonly account: number;
  readonly dn: string;
  readonly person: Person;
}

export interface Roster {
  page(query: RosterQuery): Promise<{ readonly total: number; readonly people: readonly Listed[] }>;
  find(account: number): Promise<Listed | undefined>;
  /** 24 hex digits that this store's organisation has for good. */
  organizationId(): Promise<string>;
}
