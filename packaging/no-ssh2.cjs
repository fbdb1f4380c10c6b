// Stands in for ssh2: only its address is asked for, and hosts are never reached by SSH.
module.exports = {};
