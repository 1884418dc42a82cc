// The grid that files lie on: hashing and addressing share it.
#pragma once

#include <cstddef>

namespace millrace {

// The unit of hashing and of addressing: data starts on a multiple of it and, but for a file's end,
// ends on one.
inline constexpr size_t kLeafBytes = 16 * 1024;

}  // namespace millrace
