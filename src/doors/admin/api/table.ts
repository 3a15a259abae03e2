// Every route of the API, and there is no other.

import { ADMINISTRATOR_ROUTES } from "./administrators.ts";
import { EVENT_ROUTES } from "./events.ts";
import { KEY_ROUTES } from "./keys.ts";
import { ORGANIZATION_ROUTES } from "./organizations.ts";
import { RADIUS_SERVER_ROUTES } from "./radiusservers.ts";
import type { Route } from "./route.ts";
import { SESSION_ROUTES } from "./session-routes.ts";
import { SET_UP_ROUTES } from "./set-up-routes.ts";
import { PERSON_ROUTES } from "./systemusers.ts";

export const ROUTES: readonly Route[] = [
  ...SET_UP_ROUTES,
  ...SESSION_ROUTES,
  ...ADMINISTRATOR_ROUTES,
  ...KEY_ROUTES,
  ...PERSON_ROUTES,
  ...EVENT_ROUTES,
  ...ORGANIZATION_ROUTES,
  ...RADIUS_SERVER_ROUTES,
];
