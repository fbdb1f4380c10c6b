// Who may call what. A call without a row here is refused, and a test fails when the contract has one that is missing.

/** public: no credential. admin: local root or an admin token. agent: a host's certificate, on the agent link only. */
export type Rule = "public" | "viewer" | "admin" | "agent";

/** Most that is read of a public call, in bytes: no more is held for somebody who need not say who it is. */
export const publicMaxBytes = 64 * 1024;

export const rules: Readonly<Record<string, Rule>> = {
  "ozwald.v1.AddressService/ForgetAddress": "admin",
  "ozwald.v1.AddressService/ListAddresses": "viewer",
  "ozwald.v1.AddressService/SetAddresses": "admin",
  "ozwald.v1.AgentLinkService/Link": "agent",
  "ozwald.v1.AgentLinkService/Channel": "agent",
  "ozwald.v1.AgentLinkService/RenewCertificate": "agent",
  "ozwald.v1.EnrollmentService/Enroll": "public",
  "ozwald.v1.EventsService/ListEvents": "viewer",
  "ozwald.v1.EventsService/WatchEvents": "viewer",
  "ozwald.v1.ExecService/Exec": "admin",
  "ozwald.v1.ForwardService/FindTarget": "viewer",
  "ozwald.v1.ForwardService/Forward": "admin",
  "ozwald.v1.HealthService/Check": "public",
  "ozwald.v1.HostsService/CreateInvite": "admin",
  "ozwald.v1.HostsService/ListHosts": "viewer",
  "ozwald.v1.HostsService/RemoveHost": "admin",
  "ozwald.v1.InstancesService/DownInstance": "admin",
  "ozwald.v1.InstancesService/ExplainInstance": "viewer",
  "ozwald.v1.InstancesService/ListInstances": "viewer",
  "ozwald.v1.InstancesService/ReplaceDynamicInstances": "admin",
  "ozwald.v1.InstancesService/RestartInstance": "admin",
  "ozwald.v1.InstancesService/UpInstance": "admin",
  "ozwald.v1.InstancesService/WatchInstances": "viewer",
  "ozwald.v1.LogsService/GetLogs": "viewer",
  "ozwald.v1.OperationsService/CancelOperation": "admin",
  "ozwald.v1.OperationsService/ListOperations": "viewer",
  "ozwald.v1.OperationsService/WatchOperation": "viewer",
  "ozwald.v1.ReplicasService/AdoptReplicas": "admin",
  "ozwald.v1.ReplicasService/ListReplicas": "viewer",
  "ozwald.v1.ReplicasService/RetireReplicas": "admin",
  "ozwald.v1.ServicesService/ListServices": "viewer",
  "ozwald.v1.SettingsService/ApplySettings": "admin",
  "ozwald.v1.SettingsService/PlanSettings": "viewer",
  "ozwald.v1.StatusService/GetStatus": "viewer",
  "ozwald.v1.TokensService/CreateToken": "admin",
  "ozwald.v1.TokensService/ListTokens": "admin",
  "ozwald.v1.TokensService/RevokeToken": "admin",
};
