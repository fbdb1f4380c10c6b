// The table of all routes. A test walks it: every one but /health wants the key.
import * as z from "zod";
import { healthAnswer } from "./answers.ts";
import { hostRoutes } from "./host-routes.ts";
import { laterRoutes } from "./later-routes.ts";
import { logRoutes } from "./log-routes.ts";
import { openApiDocument } from "./openapi.ts";
import { type Route, route } from "./route.ts";
import { serviceRoutes } from "./service-routes.ts";

const healthRoute = route({
  method: "GET",
  path: "/health",
  open: true,
  summary: "Whether the control plane answers",
  answerStatus: 200,
  answer: healthAnswer,
  refusals: {},
  handle: () => Promise.resolve({ status: 200, body: { status: "healthy" } }),
});

const documentRoute = route({
  method: "GET",
  path: "/openapi.json",
  summary: "This document",
  answerStatus: 200,
  answer: z.record(z.string(), z.unknown()),
  refusals: {},
  handle: () => Promise.resolve({ status: 200, body: openApiDocument(restRoutes) }),
});

export const restRoutes: readonly Route[] = [
  healthRoute,
  ...serviceRoutes,
  ...hostRoutes,
  ...logRoutes,
  ...laterRoutes,
  documentRoute,
];
