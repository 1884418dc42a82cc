// Emscripten 3.1.6 asks the browser for one byte at a time; libsodium asks for at most 256 (cmake/sodium_wasm_platform.c).
mergeInto(LibraryManager.library, {
  getentropy: function (address, size) {
    crypto.getRandomValues(HEAPU8.subarray(address, address + size));
    return 0;
  },
});
