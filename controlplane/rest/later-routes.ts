// Routes of the original that this version does not have. They answer clearly instead of pretending that they do not exist.
import { errorAnswer } from "./answers.ts";
import { refusal } from "./rest-reply.ts";
import type { Route } from "./route.ts";

const notYet = "is not in this version";

export const laterRoutes: readonly Route[] = [
  later("GET", "/srv/services/profile", "Profiling requests", `Measuring footprints ${notYet}`),
  later("POST", "/srv/services/profile", "Queue a profiling request", `Measuring footprints ${notYet}`),
  later("GET", "/srv/services/footprint", "Footprint requests", `Measuring footprints ${notYet}`),
  later("POST", "/srv/services/footprint", "Queue a footprint request", `Measuring footprints ${notYet}`),
  later(
    "GET",
    "/srv/services/footprint-logs/container/{service_name}/",
    "Container output of a footprint run",
    `Measuring footprints ${notYet}`,
  ),
  later(
    "GET",
    "/srv/services/footprint-logs/runner/{service_name}/",
    "Runner output of a footprint run",
    `Measuring footprints ${notYet}`,
  ),
  later("POST", "/srv/secrets/update/", "Store a secret", `Storing secrets ${notYet}`),
  later("POST", "/srv/storage/persist", "Persist a volume", `Encrypted volumes: persisting one ${notYet}`),
];

function later(method: "GET" | "POST", path: string, summary: string, detail: string): Route {
  return {
    method,
    path,
    summary: `${summary} (not in this version)`,
    answerStatus: 501,
    answer: errorAnswer,
    refusals: {},
    query: undefined,
    body: undefined,
    run: () => Promise.resolve(refusal(501, "not_supported", detail, "CHANGELOG.md says what each version has.")),
  };
}
