// What this door needs of a directory besides the answers everybody gets: for each client a
// connection of its own, and the entries that the configuration exempts.

import type { BindResult, Directory, Identity, LookupResult } from "../../core/ports.ts";

/** Belongs to one client until it is released or destroyed. */
export interface Upstream {
  /** Leaves at the end of this turn of the event loop. */
  write(bytes: Buffer): void;
  /** A Bind: unless its answer comes in the directory's time, the connection is lost. */
  writeBind(bytes: Buffer): void;
  /** What the answer to that Bind means for this person. Throws DependencyDown if nothing. */
  judgeBind(answer: Buffer, identity: Identity): BindResult;
  pause(): void;
  resume(): void;
  /** Nothing is expected on it any more: somebody else may have it, once it is anonymous. */
  release(isAnonymous: boolean): void;
  destroy(): void;
}

export interface UpstreamUser {
  /** Operations are unanswered: unless the directory shows a sign of life, the connection is lost. */
  readonly isAwaiting: boolean;
  onData(chunk: Buffer): void;
  /** It takes no more for now, until `onDrain`. */
  onFull(): void;
  onDrain(): void;
  /** Once; it is nobody's any more. */
  onClosed(reason: string): void;
}

export interface UpstreamDirectory extends Directory {
  /** The entry of that DN, whether or not people like it may log in. */
  findEntry(dn: string): Promise<LookupResult>;
  readonly relays: {
    /** Opens some ahead of the first client. */
    prepare(): void;
    /** Anonymous, and the user's. Rejects with DependencyDown. */
    acquire(user: UpstreamUser): Promise<Upstream>;
  };
}
