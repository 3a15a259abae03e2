// One command of the command line: its words, its options, its help, and what it does.
// Invariant: an argument nobody asked for is refused with exit code 2, never ignored.

import { parseArgs } from "node:util";

import type { Operations } from "../doors/control/client.ts";
import { findNearest } from "../lib/edit-distance.ts";
import { defaultConfigPath } from "./config-path.ts";
import { connectGateway, openOperations, type App, type Io } from "./context.ts";
import { Failure } from "./failure.ts";

interface Option {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** What the help says; `value` is how it calls the argument. */
  readonly help: string;
  readonly value?: string;
}
export type Options = Readonly<Record<string, Option>>;

type Configuration<O extends Options> = {
  args: string[];
  options: O;
  strict: true;
  allowPositionals: true;
};
type Values<O extends Options> = ReturnType<typeof parseArgs<Configuration<O>>>["values"];

export interface Input<O extends Options> {
  readonly values: Values<O>;
  readonly positionals: readonly string[];
  readonly configPath: string;
  readonly io: Io;
  readonly app: () => Promise<App>;
}

/** A command, ready to be called with the words behind its name. */
export interface Command {
  readonly options: Options;
  /** Resolves to the exit code; throws Failure or OperationError. */
  run(argv: readonly string[], io: Io, app: () => Promise<App>): Promise<number>;
}

/** The directory as operations take it: named, or left out. */
export function directoryOf(values: { readonly directory?: string | undefined }): {
  readonly directory?: string;
} {
  return values.directory === undefined ? {} : { directory: values.directory };
}

interface Description<O extends Options> {
  /** Without "gatehouse": "token import FILE.csv". */
  readonly usage: string;
  readonly about: string;
  readonly example: string;
  /** Fewest and most words besides options. */
  readonly words: readonly [number, number];
  readonly options: O;
  run(input: Input<O>): Promise<number>;
}

/** What every command takes. */
export const GENERAL = {
  config: { type: "string", value: "FILE", help: "the gateway's configuration file" },
  help: { type: "boolean", short: "h", help: "this text" },
} as const satisfies Options;

export const JSON_OPTION = { json: { type: "boolean", help: "for programs" } } as const;
export const DIRECTORY_OPTION = {
  directory: { type: "string", value: "NAME", help: "which directory, if there are several" },
} as const;

export function defineCommand<const O extends Options>(description: Description<O>): Command {
  const { options } = description;
  return {
    options,
    async run(argv, io, app) {
      const general = checkOptions(argv, options);
      if (general.help) {
        io.stdout.write(helpText(description));
        return 0;
      }
      const { values, positionals } = parseArgs<Configuration<O>>({
        args: [...argv],
        options,
        strict: true,
        allowPositionals: true,
      });
      checkWords(positionals, description);
      return description.run({ values, positionals, configPath: general.config, io, app });
    },
  };
}

// parseArgs would refuse the same, but its messages explain Node, and ours the command.
function checkOptions(
  argv: readonly string[],
  options: Options,
): { help: boolean; config: string } {
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true });
  let config: string | undefined;
  let help = false;
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const { name, rawName, value } = token;
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option === undefined) throw unknownOption(rawName, options);
    const isBoolean = option.type === "boolean";
    if (isBoolean && value !== undefined) throw new Failure(2, `${rawName} takes no value`);
    // "--user --json": the value was forgotten. One that begins so is written --user=--json.
    const isMissing = value === undefined || (!token.inlineValue && /^-./.test(value));
    if (!isBoolean && isMissing) throw new Failure(2, `${rawName} needs a value`);
    if (name === "config") config = value;
    if (name === "help") help = true;
  }
  return { help, config: config ?? defaultConfigPath() };
}

function checkWords(given: readonly string[], { usage, words }: Words): void {
  const [fewest, most] = words;
  const hint = `usage: gatehouse ${usage}`;
  if (given.length < fewest) throw new Failure(2, "something is missing", hint);
  if (given.length > most) throw new Failure(2, `what is "${given[most] ?? ""}"?`, hint);
}

function unknownOption(rawName: string, options: Options): Failure {
  const nearest = findNearest(rawName.replace(/^-+/, ""), Object.keys(options));
  const guess = nearest === undefined ? "--help lists the options" : `did you mean --${nearest}?`;
  return new Failure(2, `unknown option ${rawName}`, guess);
}

type Words = Pick<Description<Options>, "usage" | "words">;

function helpText(description: Omit<Description<Options>, "run">): string {
  const names = Object.entries(description.options).map(([name, { short, value, help }]) => {
    const left = `${short === undefined ? "" : `-${short}, `}--${name}${value ? ` ${value}` : ""}`;
    return `  ${left.padEnd(22)} ${help}`;
  });
  return [
    `usage: gatehouse ${description.usage} [options]`,
    "",
    description.about,
    "",
    ...names,
    "",
    `example: gatehouse ${description.example}`,
    "exit code: 0 done, 1 failed, 2 usage or configuration",
    "",
  ].join("\n");
}

/** Runs `work` with a gateway's operations, or the store's own, and closes them after. */
export async function withOperations<O extends Options, T>(
  input: Input<O>,
  work: (operations: Operations) => Promise<T>,
): Promise<T> {
  const { configPath, io } = input;
  return closing(await openOperations(await input.app(), configPath, io), work);
}

/** The same with a running gateway only. Throws OperationError when none answers. */
export async function withGateway<O extends Options, T>(
  input: Input<O>,
  work: (operations: Operations) => Promise<T>,
): Promise<T> {
  const { configPath, io } = input;
  return closing(await connectGateway(await input.app(), configPath, io), work);
}

async function closing<T>(
  operations: Operations,
  work: (operations: Operations) => Promise<T>,
): Promise<T> {
  try {
    return await work(operations);
  } finally {
    await operations.close();
  }
}
