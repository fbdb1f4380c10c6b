// Shows service definitions.
import type { ConnectRouter } from "@connectrpc/connect";
import { ServicesService } from "#proto/services_pb.ts";
import { serviceList } from "../view/service-view.ts";
import type { ApiContext } from "./context.ts";

export function serviceRoutes(router: ConnectRouter, context: ApiContext): void {
  router.service(ServicesService, {
    async listServices({ name }) {
      return { services: serviceList(await context.world()).filter((service) => name === "" || service.name === name) };
    },
  });
}
