// The program behind `millrace/sodium` (web/sodium/) is libsodium and nothing of ours. Which of its
// functions JavaScript may call stands in sodium_exports.txt; web/sodium/functions.ts says how.

#include <sodium.h>
