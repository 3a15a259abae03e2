// Why a command didn't do what it was asked, as one person tells another: what, where, next step.

/** 1: it failed · 2: it was called wrongly, or the configuration is wrong. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly exitCode: 1 | 2;
  readonly nextStep: string | undefined;

  constructor(exitCode: 1 | 2, message: string, nextStep?: string) {
    super(message);
    this.exitCode = exitCode;
    this.nextStep = nextStep;
  }
}
