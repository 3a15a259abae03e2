// Figures a part of the program keeps about itself, described for whoever collects them.
// Invariants: counting is plain arithmetic, reading happens only when somebody asks, and a label's
// value comes from the configuration or a closed list, never from the network.

type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

export interface Distribution {
  readonly labels: Labels;
  readonly of: Histogram;
}

interface Description {
  /** As Prometheus names things: unit last, counters end in _total. */
  readonly name: string;
  /** One sentence. */
  readonly help: string;
  readonly labels: readonly string[];
}

/** `read` must not throw: what can't be known now has no sample. */
export type Metric = Description &
  (
    | { readonly kind: "counter" | "gauge"; readonly read: () => Iterable<Sample> }
    | { readonly kind: "histogram"; readonly read: () => Iterable<Distribution> }
  );

/** A counter or gauge without labels. Undefined: not known now. */
export function single(
  kind: "counter" | "gauge",
  name: string,
  help: string,
  read: () => number | undefined,
): Metric {
  return {
    kind,
    name,
    help,
    labels: [],
    read() {
      const value = read();
      return value === undefined ? [] : [{ labels: {}, value }];
    },
  };
}

/** How many values fell between which bounds. */
export class Histogram {
  /** Upper ends, ascending; what lies above the last has a place of its own. */
  readonly bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  get sum(): number {
    return this.#sum;
  }

  /** One more than `bounds`. */
  get counts(): readonly number[] {
    return this.#counts;
  }

  observe(value: number): void {
    const { bounds } = this;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] ?? 0)) at += 1;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += value;
  }
}
