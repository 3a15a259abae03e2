// A server that answers, but not the question: busy, unavailable, a database that isn't there. Whoever
// is under way meets an outage; whether it is the server's or only this question's is looked into.

import { DependencyDown } from "../../core/ports.ts";

export class NotServing extends DependencyDown {}
