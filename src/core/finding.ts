// What an examination of a dependency finds: a line for the administrator, with the remedy.

export interface Finding {
  /** "doubtful": it works, and needs somebody's attention. */
  readonly state: "right" | "doubtful" | "wrong";
  /** What was looked at: "directory corp ldaps://dc1". */
  readonly subject: string;
  readonly said: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** Called with each finding as it is made. */
export type Tell = (finding: Finding) => void;
