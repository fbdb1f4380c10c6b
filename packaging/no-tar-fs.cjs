// Stands in for tar-fs: dockerode packs build contexts with it, and images are not built.
module.exports = {};
