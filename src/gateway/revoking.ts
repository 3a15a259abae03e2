// What an administrator takes from somebody ends what they have open: a lock, a reset, a token that
// another one replaces, the end of a bypass are told to the doors. A lock by failures isn't: strangers
// could end other people's sessions with it.

import type { Administration, PersonName } from "../core/administration.ts";

/** The same administration; `onRevoked` is called once something is taken and that is kept. */
export function revoking(
  administration: Administration,
  onRevoked: (person: PersonName) => void,
): Administration {
  return {
    ...administration,
    async lock(person, event) {
      const answer = await administration.lock(person, event);
      if (answer === "locked") onRevoked(person);
      return answer;
    },
    async enroll(person, token, how, event) {
      const answer = await administration.enroll(person, token, how, event);
      // Whoever has the old token may be bound with it. Somebody's first one takes nothing away.
      if (answer === "enrolled" && how.replace) onRevoked(person);
      return answer;
    },
    async resetToken(person, event) {
      const answer = await administration.resetToken(person, event);
      if (answer === "reset" || answer === "bypass-revoked") onRevoked(person);
      return answer;
    },
    async revokeBypass(person, event) {
      const answer = await administration.revokeBypass(person, event);
      if (answer === "revoked") onRevoked(person);
      return answer;
    },
  };
}
