// Stands in for protobufjs: dockerode reads BuildKit's messages with it, and images are not built.
module.exports = {};
