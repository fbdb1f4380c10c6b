// Stands in for @grpc/proto-loader: dockerode wants it for image builds, grpc-js for its debug service; neither is used, and it brings protobufjs.
module.exports = {};
