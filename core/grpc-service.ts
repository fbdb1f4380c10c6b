// Makes a grpc-js service definition out of a protobuf-es service, so that one contract serves both stacks.
import { type DescMethod, type DescService, fromBinary, toBinary, type Message } from "@bufbuild/protobuf";

/** The subset of grpc-js's MethodDefinition that is needed; declared here so that core does not depend on grpc-js. */
export type GrpcMethod = {
  path: string;
  requestStream: boolean;
  responseStream: boolean;
  requestSerialize(message: Message): Buffer;
  requestDeserialize(bytes: Buffer): Message;
  responseSerialize(message: Message): Buffer;
  responseDeserialize(bytes: Buffer): Message;
  originalName: string;
};

export function grpcService(service: DescService): Record<string, GrpcMethod> {
  return Object.fromEntries(service.methods.map((method) => [method.localName, grpcMethod(service, method)]));
}

function grpcMethod(service: DescService, method: DescMethod): GrpcMethod {
  const kind = method.methodKind;
  return {
    path: `/${service.typeName}/${method.name}`,
    requestStream: kind === "client_streaming" || kind === "bidi_streaming",
    responseStream: kind === "server_streaming" || kind === "bidi_streaming",
    requestSerialize: (message) => viewOf(toBinary(method.input, message)),
    requestDeserialize: (bytes) => fromBinary(method.input, bytes),
    responseSerialize: (message) => viewOf(toBinary(method.output, message)),
    responseDeserialize: (bytes) => fromBinary(method.output, bytes),
    originalName: method.localName,
  };
}

/** The same memory: Buffer.from would copy it, which counts where whole streams go through. */
function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
