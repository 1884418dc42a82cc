// Lets getenv() of the WebAssembly test programs see the MILLRACE_* variables of Node.js (seeds, for one).
Module['preRun'] = Module['preRun'] || [];
Module['preRun'].push(function () {
  if (typeof ENV === 'undefined') return; // Nothing in this program calls getenv().
  Object.keys(process.env).forEach(function (name) {
    if (name.indexOf('MILLRACE_') === 0) ENV[name] = process.env[name];
  });
});
